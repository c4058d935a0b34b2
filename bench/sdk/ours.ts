import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { cachingCmm, encryptionClient, localCache, type MaterialsSource } from '@holdfast/sdk';
import { duplex } from '@holdfast/sdk/node';
import { type FrameWorkers, startFrameWorkers } from '@holdfast/sdk/workers';
import { ENCRYPTION_CONTEXT, NAMES, type Sdk, type Workload, wrappingKey } from './side.ts';

/** Holdfast with a raw AES keyring. */
export function ours({ suite, frameLength, isCached, hasWorkers }: Workload): Sdk {
  const source = materialsSource(isCached);
  const writing = { ...source, encryptionContext: ENCRYPTION_CONTEXT, suite, frameLength };
  return {
    encrypt: async (plaintext) => (await client.encrypt(plaintext, writing)).message,
    decrypt: async (message) => (await client.decrypt(message, source)).plaintext,
    stream(direction) {
      // The peer knows no other way.
      const reading = { ...source, signedMessages: 'unsafeReleaseBeforeSignature' } as const;
      if (hasWorkers) {
        workers ??= startFrameWorkers();
        return duplex(
          direction === 'encrypt' ? workers.encryptor(client, writing) : workers.decryptor(client, reading),
        );
      }
      return duplex(direction === 'encrypt' ? client.encryptor(writing) : client.decryptor(reading));
    },
  };
}

function materialsSource(isCached: boolean): MaterialsSource {
  return isCached
    ? { cmm: cachingCmm({ keyring, cache: localCache({ capacity: 100 }), ttlMs: 3_600_000 }) }
    : { keyring };
}

const client = encryptionClient();
let workers: FrameWorkers | undefined;
const keyring = rawAesKeyring({ ...NAMES, wrappingKey: wrappingKey() });
