import { z } from 'zod';
import { readyToDecrypt, readyToEncrypt } from '../key-use/encryption.ts';
import { toBase64 } from '../protocol/base64.ts';
import {
  assertNotDryRun,
  ciphertextBlob,
  dryRun,
  encryptionAlgorithm,
  encryptionContext,
  grantTokens,
  keyId,
} from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Decrypts under one key and encrypts under another; the plaintext stays inside. */
export const reEncrypt = operation({
  input: z.object({
    CiphertextBlob: ciphertextBlob,
    SourceKeyId: keyId.optional(),
    SourceEncryptionAlgorithm: encryptionAlgorithm,
    SourceEncryptionContext: encryptionContext,
    DestinationKeyId: keyId,
    DestinationEncryptionAlgorithm: encryptionAlgorithm,
    DestinationEncryptionContext: encryptionContext,
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  unsupported: ['DryRunModifiers'],
  async run(input, call) {
    const { SourceEncryptionAlgorithm, DestinationEncryptionAlgorithm } = input;
    const source = readyToDecrypt(call, input.CiphertextBlob, {
      keyId: input.SourceKeyId,
      algorithm: SourceEncryptionAlgorithm,
      context: input.SourceEncryptionContext,
      permission: 'ReEncryptFrom',
    });
    const destination = readyToEncrypt(call, {
      keyId: input.DestinationKeyId,
      algorithm: DestinationEncryptionAlgorithm,
      context: input.DestinationEncryptionContext,
      permission: 'ReEncryptTo',
    });
    assertNotDryRun(input.DryRun);
    const decrypted = await source.cipher.decrypt(input.CiphertextBlob);
    try {
      const encrypted = await destination.cipher.encrypt(decrypted.plaintext);
      return {
        CiphertextBlob: toBase64(encrypted.ciphertext),
        SourceKeyId: source.key.arn,
        KeyId: destination.key.arn,
        SourceEncryptionAlgorithm,
        DestinationEncryptionAlgorithm,
        SourceKeyMaterialId: decrypted.keyMaterialId,
        DestinationKeyMaterialId: encrypted.keyMaterialId,
      };
    } finally {
      decrypted.plaintext.fill(0);
    }
  },
});
