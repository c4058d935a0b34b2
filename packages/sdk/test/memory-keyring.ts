import type { DecryptionMaterials, EncryptedDataKey, EncryptionMaterials, Keyring } from '../src/spi.ts';
import { contextBytes, randomBytes } from '../src/spi.ts';

/**
 * A keyring whose encrypted data keys are tickets for data keys that it remembers, each for one context.
 * Counts its calls.
 */
export function memoryKeyring(
  copies = 1,
): Keyring & { readonly calls: { encrypt: number; decrypt: number } } {
  const remembered = new Map<string, Uint8Array>();
  const calls = { encrypt: 0, decrypt: 0 };
  const ticketName = (ticket: Uint8Array, materials: EncryptionMaterials | DecryptionMaterials): string =>
    `${Buffer.from(ticket).toString('hex')}/${Buffer.from(contextBytes(materials.encryptionContext)).toString('hex')}`;
  return {
    calls,
    onEncrypt(materials) {
      calls.encrypt += 1;
      const dataKey = materials.dataKey ?? randomBytes(materials.suite.dataKeyLength);
      const encryptedDataKeys: EncryptedDataKey[] = [...materials.encryptedDataKeys];
      for (let copy = 0; copy < copies; copy++) {
        const ciphertext = randomBytes(16);
        remembered.set(ticketName(ciphertext, materials), dataKey.slice());
        encryptedDataKeys.push({ providerId: 'memory', providerInfo: Uint8Array.of(copy), ciphertext });
      }
      return Promise.resolve({ ...materials, dataKey, encryptedDataKeys });
    },
    onDecrypt(materials, encryptedDataKeys) {
      calls.decrypt += 1;
      for (const { ciphertext } of encryptedDataKeys) {
        const dataKey = remembered.get(ticketName(ciphertext, materials));
        if (dataKey !== undefined) return Promise.resolve({ ...materials, dataKey: dataKey.slice() });
      }
      return Promise.reject(new Error('not remembered'));
    },
  };
}

/** A keyring like one with RSA, whose data keys are for any context. */
export function unboundKeyring(): Keyring {
  const keyring = memoryKeyring();
  return {
    async onEncrypt(materials) {
      const wrapped = await keyring.onEncrypt({ ...materials, encryptionContext: {} });
      return { ...wrapped, encryptionContext: materials.encryptionContext };
    },
    async onDecrypt(materials, keys) {
      const opened = await keyring.onDecrypt({ ...materials, encryptionContext: {} }, keys);
      return { ...opened, encryptionContext: materials.encryptionContext };
    },
  };
}

/** What `action` rejects with. */
export async function rejection(action: Promise<unknown>): Promise<unknown> {
  return action.then(
    () => expectRejection(),
    (error: unknown) => error,
  );
}

function expectRejection(): never {
  throw new Error('expected a rejection');
}
