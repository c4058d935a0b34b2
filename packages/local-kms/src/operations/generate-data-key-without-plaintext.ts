import { dataKeyInput, withDataKey } from '../key-use/data-key.ts';
import { toBase64 } from '../protocol/base64.ts';
import { operation } from '../protocol/operation.ts';

/** A fresh data key, only encrypted under a symmetric key. */
export const generateDataKeyWithoutPlaintext = operation({
  input: dataKeyInput,
  run: (input, call) =>
    withDataKey(input, call, ({ key, ciphertext, keyMaterialId }) => ({
      CiphertextBlob: toBase64(ciphertext),
      KeyId: key.arn,
      KeyMaterialId: keyMaterialId,
    })),
});
