import { dataKeyInput, withDataKey } from '../key-use/data-key.ts';
import { toBase64 } from '../protocol/base64.ts';
import { operation } from '../protocol/operation.ts';

/** A fresh data key, in plaintext and encrypted under a symmetric key. */
export const generateDataKey = operation({
  input: dataKeyInput,
  unsupported: ['Recipient'],
  run: (input, call) =>
    withDataKey(input, call, ({ key, plaintext, ciphertext, keyMaterialId }) => ({
      CiphertextBlob: toBase64(ciphertext),
      Plaintext: toBase64(plaintext),
      KeyId: key.arn,
      KeyMaterialId: keyMaterialId,
    })),
});
