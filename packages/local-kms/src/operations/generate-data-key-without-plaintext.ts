import { toBase64 } from '../base64.ts';
import { dataKeyInput, withDataKey } from '../data-key.ts';
import { keyMaterialIdOf } from '../encryption.ts';
import { operation } from '../operation.ts';

/** A fresh data key, only encrypted under a symmetric key. */
export const generateDataKeyWithoutPlaintext = operation({
  input: dataKeyInput,
  run: (input, call) =>
    withDataKey(input, call, ({ key, ciphertext }) => ({
      CiphertextBlob: toBase64(ciphertext),
      KeyId: key.arn,
      KeyMaterialId: keyMaterialIdOf(key),
    })),
});
