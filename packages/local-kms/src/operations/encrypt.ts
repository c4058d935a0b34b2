import { z } from 'zod';
import { readyToEncrypt } from '../key-use/encryption.ts';
import { toBase64 } from '../protocol/base64.ts';
import {
  assertNotDryRun,
  dryRun,
  encryptionAlgorithm,
  encryptionContext,
  grantTokens,
  keyId,
  plaintext,
} from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Encrypts up to 4096 bytes under a key. */
export const encrypt = operation({
  input: z.object({
    KeyId: keyId,
    Plaintext: plaintext,
    EncryptionAlgorithm: encryptionAlgorithm,
    EncryptionContext: encryptionContext,
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  async run({ KeyId, Plaintext, EncryptionAlgorithm, EncryptionContext, DryRun }, call) {
    const { key, cipher } = readyToEncrypt(call, {
      keyId: KeyId,
      algorithm: EncryptionAlgorithm,
      context: EncryptionContext,
      plaintext: Plaintext,
    });
    assertNotDryRun(DryRun);
    const { ciphertext } = await cipher.encrypt(Plaintext);
    return { CiphertextBlob: toBase64(ciphertext), KeyId: key.arn, EncryptionAlgorithm };
  },
});
