import type { DecryptionMaterials, EncryptedDataKey, EncryptionMaterials, Keyring } from '@holdfast/sdk/spi';
import { openFirst, wipeOnFailure, withDataKey, withEncryptedDataKey } from './wrapping.ts';

/** A data key in the clear, and wrapped. */
export interface GeneratedDataKey {
  readonly dataKey: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** One key that wraps data keys, wherever it is. */
export interface WrappingKey {
  readonly providerId: string;
  /** The full name of the key: the provider info of what it wraps, and of all that it is given to unwrap. */
  readonly name: string;
  /** Resolves to a new data key of the suite's length, or to `undefined` if the keyring is to make it. */
  generate?(materials: EncryptionMaterials): Promise<GeneratedDataKey | undefined>;
  wrap(dataKey: Uint8Array, materials: EncryptionMaterials): Promise<Uint8Array>;
  /** Resolves to a data key in memory of its own. The ciphertext comes from the message unchecked. */
  unwrap(ciphertext: Uint8Array, materials: DecryptionMaterials): Promise<Uint8Array>;
}

/** Returns the keyring of one wrapping key. It unwraps only what is under exactly the key's name. */
export function wrappingKeyring(key: WrappingKey): Keyring {
  const providerInfo = new TextEncoder().encode(key.name);
  const encryptedDataKey = (ciphertext: Uint8Array): EncryptedDataKey => ({
    providerId: key.providerId,
    providerInfo: providerInfo.slice(),
    ciphertext,
  });
  // Compared as bytes: decoded as text, different bytes could be equal.
  const isOurs = (candidate: EncryptedDataKey): boolean =>
    candidate.providerId === key.providerId &&
    candidate.providerInfo.length === providerInfo.length &&
    providerInfo.every((byte, i) => candidate.providerInfo[i] === byte);

  return {
    async onEncrypt(materials) {
      const generated = materials.dataKey === undefined ? await key.generate?.(materials) : undefined;
      if (generated !== undefined) {
        const { dataKey, ciphertext } = generated;
        return withEncryptedDataKey({ ...materials, dataKey }, encryptedDataKey(ciphertext));
      }
      const complete = withDataKey(materials);
      return wipeOnFailure(materials.dataKey === undefined ? complete.dataKey : undefined, async () =>
        withEncryptedDataKey(complete, encryptedDataKey(await key.wrap(complete.dataKey, complete))),
      );
    },
    async onDecrypt(materials, encryptedDataKeys) {
      return openFirst(materials, encryptedDataKeys.filter(isOurs), ({ ciphertext }) =>
        key.unwrap(ciphertext, materials),
      );
    },
  };
}
