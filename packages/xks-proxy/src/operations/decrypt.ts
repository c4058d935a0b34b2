import { tokenAad } from '../aad.ts';
import { decodeCiphertextMetadata, FIRST_KEY_VERSION } from '../ciphertext-metadata.ts';
import { storeKey, usableKey } from '../stores.ts';
import { base64, invalidCiphertext, parseDecryptRequest } from '../wire.ts';
import type { Operation } from './operation.ts';

/** AES-256-GCM decryption under an external key (XKS API v1, "Decrypt"). */
export const decrypt: Operation = {
  name: 'Decrypt',
  requiredMetadata: ['awsPrincipalArn', 'kmsKeyArn', 'kmsOperation', 'kmsRequestId'],
  concernsKey: true,

  async run(body, { store, externalKeyId, watch, onKeyVersion }) {
    const request = parseDecryptRequest(body);
    const key = storeKey(store, externalKeyId);
    const wanted = keyVersion(request.ciphertextMetadata);
    const version = key.versions.find((candidate) => candidate.version === wanted);
    if (version === undefined) throw invalidCiphertext('metadata-unknown');
    onKeyVersion(version.version);
    const deviceKey = await usableKey(key, version, watch.over(key.device), ['DECRYPT']);
    const aad = tokenAad(request.additionalAuthenticatedData, request.ciphertextMetadata);
    const { initializationVector: iv, ciphertext, authenticationTag: tag } = request;
    const plaintext = await deviceKey.decrypt({ iv, aad, ciphertext, tag });
    const response = { plaintext: base64(plaintext) };
    plaintext.fill(0);
    return response;
  },
};

// Without metadata a ciphertext is not ours, yet another proxy may have made it to the letter of the API.
const keyVersion = (metadata: Uint8Array) =>
  metadata.length === 0 ? FIRST_KEY_VERSION : decodeCiphertextMetadata(metadata)?.keyVersion;
