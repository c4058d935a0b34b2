import { tokenAad } from '../aad.ts';
import { decodeCiphertextMetadata, FIRST_KEY_VERSION } from '../ciphertext-metadata.ts';
import { usableKey } from '../stores.ts';
import { base64, invalidCiphertext, parseDecryptRequest } from '../wire.ts';
import type { Operation } from './operation.ts';

/** AES-256-GCM decryption under an external key (XKS API v1, "Decrypt"). */
export const decrypt: Operation = {
  name: 'Decrypt',
  requiredMetadata: ['awsPrincipalArn', 'kmsKeyArn', 'kmsOperation', 'kmsRequestId'],

  async run(body, { store, externalKeyId, device }) {
    const request = parseDecryptRequest(body);
    const key = usableKey(store, externalKeyId, device, ['DECRYPT']);
    if (keyVersion(request.ciphertextMetadata) !== FIRST_KEY_VERSION)
      throw invalidCiphertext('metadata-unknown');
    const aad = tokenAad(request.additionalAuthenticatedData, request.ciphertextMetadata);
    const { initializationVector: iv, ciphertext, authenticationTag: tag } = request;
    const plaintext = await key.decrypt({ iv, aad, ciphertext, tag });
    const response = { plaintext: base64(plaintext) };
    plaintext.fill(0);
    return response;
  },
};

// Without metadata a ciphertext is not ours, yet another proxy may have made it to the letter of the API.
const keyVersion = (metadata: Uint8Array) =>
  metadata.length === 0 ? FIRST_KEY_VERSION : decodeCiphertextMetadata(metadata)?.keyVersion;
