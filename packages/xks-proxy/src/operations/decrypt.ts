import { referenceAads, tokenAad } from '../aad.ts';
import { decodeCiphertextMetadata, FIRST_KEY_VERSION } from '../ciphertext-metadata.ts';
import type { KeyDevice } from '../devices/key-device.ts';
import type { DeviceKeySelector } from '../devices/key-selector.ts';
import { requireUsable, type StoreKey, storeKey } from '../stores.ts';
import { base64, type DecryptRequest, invalidCiphertext, parseDecryptRequest } from '../wire.ts';
import { XksException } from '../xks-exception.ts';
import type { Operation } from './operation.ts';

/** AES-256-GCM decryption under an external key (XKS API v1, "Decrypt"). */
export const decrypt: Operation = {
  name: 'Decrypt',
  requiredMetadata: ['awsPrincipalArn', 'kmsKeyArn', 'kmsOperation', 'kmsRequestId'],
  concernsKey: true,

  async run(body, { store, externalKeyId, watch, onKeyVersion }) {
    const request = parseDecryptRequest(body);
    const key = storeKey(store, externalKeyId);
    const { keyVersion, aads } = origin(request, key);
    const version = key.versions.find((candidate) => candidate.version === keyVersion);
    if (version === undefined) throw invalidCiphertext('metadata-unknown');
    onKeyVersion(version.version);
    requireUsable(key, ['DECRYPT']);
    const plaintext = await open(request, aads, version.selector, watch.over(key.device));
    const response = { plaintext: base64(plaintext) };
    plaintext.fill(0);
    return response;
  },
};

/** The version of the key that made a ciphertext, and the additional data that the token may have authenticated with it. */
function origin(
  { additionalAuthenticatedData, ciphertextMetadata }: DecryptRequest,
  { acceptReferenceCiphertext }: StoreKey,
): { keyVersion: number | undefined; aads: readonly Uint8Array[] } {
  const literal = tokenAad(additionalAuthenticatedData, ciphertextMetadata);
  const ours = decodeCiphertextMetadata(ciphertextMetadata);
  if (ours !== undefined) return { ...ours, aads: [literal] };
  // A ciphertext without metadata is not ours, but another proxy may have made it to the letter of the API.
  const byTheLetter = ciphertextMetadata.length === 0 ? [literal] : [];
  const byReference = acceptReferenceCiphertext
    ? referenceAads(additionalAuthenticatedData, ciphertextMetadata)
    : [];
  const aads = [...byReference, ...byTheLetter];
  return { keyVersion: aads.length === 0 ? undefined : FIRST_KEY_VERSION, aads };
}

/** Decrypts under one additional data after the other: the next is tried only when the token refuses the ciphertext. */
async function open(
  request: DecryptRequest,
  aads: readonly Uint8Array[],
  selector: DeviceKeySelector,
  device: KeyDevice,
): Promise<Uint8Array> {
  const { initializationVector: iv, ciphertext, authenticationTag: tag } = request;
  let refused: unknown;
  for (const aad of aads) {
    try {
      return await device.decrypt({ selector, aad, iv, ciphertext, tag });
    } catch (error) {
      if (!(error instanceof XksException && error.errorName === 'InvalidCiphertextException')) throw error;
      refused = error;
    }
  }
  throw refused;
}
