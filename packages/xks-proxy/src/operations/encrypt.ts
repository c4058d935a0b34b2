import { tokenAad } from '../aad.ts';
import { encodeCiphertextMetadata } from '../ciphertext-metadata.ts';
import { currentVersion } from '../config/key-versions.ts';
import type { Sealed } from '../devices/key-device.ts';
import { requireUsable, storeKey } from '../stores.ts';
import { base64, type JsonObject, parseEncryptRequest } from '../wire.ts';
import type { Operation } from './operation.ts';

/** AES-256-GCM encryption under an external key (XKS API v1, "Encrypt" and Appendix C). */
export const encrypt: Operation = {
  name: 'Encrypt',
  requiredMetadata: ['awsPrincipalArn', 'kmsKeyArn', 'kmsOperation', 'kmsRequestId'],
  concernsKey: true,

  async run(body, { store, externalKeyId, watch, onKeyVersion }) {
    const { plaintext, additionalAuthenticatedData, wantsIntegrityValue } = parseEncryptRequest(body);
    try {
      const key = storeKey(store, externalKeyId);
      const { selector, version } = currentVersion(key);
      onKeyVersion(version);
      requireUsable(key, wantsIntegrityValue ? ['ENCRYPT', 'DECRYPT'] : ['ENCRYPT']);
      const ciphertextMetadata = encodeCiphertextMetadata({ keyVersion: version });
      const aad = tokenAad(additionalAuthenticatedData, ciphertextMetadata);
      const device = watch.over(key.device);
      const input = { selector, aad, plaintext, additionalAuthenticatedData, ciphertextMetadata };
      if (!wantsIntegrityValue) return answer(await device.encrypt(input), ciphertextMetadata);
      const sealed = await device.encryptChecked(input);
      return {
        ...answer(sealed, ciphertextMetadata),
        ciphertextDataIntegrityValue: base64(sealed.integrityValue),
      };
    } finally {
      plaintext.fill(0);
    }
  },
};

function answer({ ciphertext, iv, tag }: Sealed, ciphertextMetadata: Uint8Array): JsonObject {
  return {
    ciphertext: base64(ciphertext),
    ciphertextMetadata: base64(ciphertextMetadata),
    initializationVector: base64(iv),
    authenticationTag: base64(tag),
  };
}
