import { toBase64 } from '../base64.ts';
import { dataKeyInput, withDataKey } from '../data-key.ts';
import { keyMaterialIdOf } from '../encryption.ts';
import { operation } from '../operation.ts';

/** A fresh data key, in plaintext and encrypted under a symmetric key. */
export const generateDataKey = operation({
  input: dataKeyInput,
  unsupported: ['Recipient'],
  run: (input, call) =>
    withDataKey(input, call, ({ key, plaintext, ciphertext }) => ({
      CiphertextBlob: toBase64(ciphertext),
      Plaintext: toBase64(plaintext),
      KeyId: key.arn,
      KeyMaterialId: keyMaterialIdOf(key),
    })),
});
