import { toBase64 } from '../base64.ts';
import { dataKeyInput, generateDataKeyFor } from '../data-key.ts';
import { keyMaterialIdOf } from '../encryption.ts';
import { operation } from '../operation.ts';

/** A fresh data key, only encrypted under a symmetric key. */
export const generateDataKeyWithoutPlaintext = operation({
  input: dataKeyInput,
  async run(input, call) {
    const { key, plaintext, ciphertext } = await generateDataKeyFor(input, call);
    plaintext.fill(0);
    return { CiphertextBlob: toBase64(ciphertext), KeyId: key.arn, KeyMaterialId: keyMaterialIdOf(key) };
  },
});
