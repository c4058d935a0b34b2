import { toBase64 } from '../base64.ts';
import { dataKeyInput, generateDataKeyFor } from '../data-key.ts';
import { keyMaterialIdOf } from '../encryption.ts';
import { operation } from '../operation.ts';

/** A fresh data key, in plaintext and encrypted under a symmetric key. */
export const generateDataKey = operation({
  input: dataKeyInput,
  unsupported: ['Recipient'],
  async run(input, call) {
    const { key, plaintext, ciphertext } = await generateDataKeyFor(input, call);
    const Plaintext = toBase64(plaintext);
    plaintext.fill(0);
    return {
      CiphertextBlob: toBase64(ciphertext),
      Plaintext,
      KeyId: key.arn,
      KeyMaterialId: keyMaterialIdOf(key),
    };
  },
});
