import { z } from 'zod';
import { readyToDecrypt } from '../key-use/encryption.ts';
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

/** Decrypts what Encrypt, ReEncrypt, GenerateDataKey or the holder of an RSA public key encrypted. */
export const decrypt = operation({
  input: z.object({
    CiphertextBlob: ciphertextBlob,
    KeyId: keyId.optional(),
    EncryptionAlgorithm: encryptionAlgorithm,
    EncryptionContext: encryptionContext,
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  unsupported: ['Recipient', 'DryRunModifiers'],
  async run({ CiphertextBlob, KeyId, EncryptionAlgorithm, EncryptionContext, DryRun }, call) {
    const { key, cipher } = readyToDecrypt(call, CiphertextBlob, {
      keyId: KeyId,
      algorithm: EncryptionAlgorithm,
      context: EncryptionContext,
      permission: 'Decrypt',
    });
    assertNotDryRun(DryRun);
    const { plaintext, keyMaterialId } = await cipher.decrypt(CiphertextBlob);
    const Plaintext = toBase64(plaintext);
    plaintext.fill(0);
    return { KeyId: key.arn, Plaintext, EncryptionAlgorithm, KeyMaterialId: keyMaterialId };
  },
});
