import { tokenAad } from '../aad.ts';
import { encodeCiphertextMetadata } from '../ciphertext-metadata.ts';
import type { DeviceKey } from '../devices/key-device.ts';
import { XksException } from '../errors.ts';
import { integrityValue } from '../integrity-value.ts';
import { currentVersion, storeKey, usableKey } from '../stores.ts';
import { base64, type EncryptRequest, type JsonObject, parseEncryptRequest } from '../wire.ts';
import type { Operation } from './operation.ts';

/** AES-256-GCM encryption under an external key (XKS API v1, "Encrypt" and Appendix C). */
export const encrypt: Operation = {
  name: 'Encrypt',
  requiredMetadata: ['awsPrincipalArn', 'kmsKeyArn', 'kmsOperation', 'kmsRequestId'],
  concernsKey: true,

  async run(body, { store, externalKeyId, watch, onKeyVersion }) {
    const request = parseEncryptRequest(body);
    try {
      const key = storeKey(store, externalKeyId);
      const version = currentVersion(key);
      onKeyVersion(version.version);
      const needed = request.wantsIntegrityValue ? (['ENCRYPT', 'DECRYPT'] as const) : (['ENCRYPT'] as const);
      const deviceKey = await usableKey(key, version, watch.over(key.device), needed);
      return await seal(request, deviceKey, version.version);
    } finally {
      request.plaintext.fill(0);
    }
  },
};

async function seal(
  { plaintext, additionalAuthenticatedData, wantsIntegrityValue }: EncryptRequest,
  key: DeviceKey,
  keyVersion: number,
): Promise<JsonObject> {
  const ciphertextMetadata = encodeCiphertextMetadata({ keyVersion });
  const aad = tokenAad(additionalAuthenticatedData, ciphertextMetadata);
  const { iv, ciphertext, tag } = await key.encrypt({ aad, plaintext });

  const sealed = {
    ciphertext: base64(ciphertext),
    ciphertextMetadata: base64(ciphertextMetadata),
    initializationVector: base64(iv),
    authenticationTag: base64(tag),
  };
  if (!wantsIntegrityValue) return sealed;

  // Hashed before the trial decryption: a bit that flips later then disagrees with the value.
  const value = integrityValue({
    additionalAuthenticatedData,
    ciphertextMetadata,
    initializationVector: iv,
    ciphertext,
    authenticationTag: tag,
  });
  const opened = await key.decrypt({ iv, aad, ciphertext, tag }).catch(rejectWrongCiphertext);
  const intact = plaintext.equals(opened);
  opened.fill(0);
  if (!intact) throw wrongCiphertext();
  return { ...sealed, ciphertextDataIntegrityValue: base64(value) };
}

function rejectWrongCiphertext(error: unknown): never {
  // The caller of Encrypt gave no ciphertext that could be invalid.
  if (error instanceof XksException && error.errorName === 'InvalidCiphertextException')
    throw wrongCiphertext(error);
  throw error;
}

const wrongCiphertext = (cause?: unknown) =>
  new XksException('InternalException', 'The external key manager returned a wrong ciphertext.', { cause });
