import { multiKeyring } from '@holdfast/keyrings/multi';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import {
  cachingCmm,
  encryptionClient,
  type Keyring,
  localCache,
  requiredEncryptionContextCmm,
  stormTrackingCache,
} from '@holdfast/sdk';
import { codeOf, equal, type Holds } from './outcomes.ts';

/** Caches, required encryption contexts, several keyrings at once. */
export async function materialsHold(holds: Holds, keyring: Keyring): Promise<void> {
  for (const newCache of [localCache, stormTrackingCache]) await cacheHolds(holds, keyring, newCache);
  const client = encryptionClient();
  const cmm = requiredEncryptionContextCmm({ keyring, requiredEncryptionContextKeys: ['tenant'] });
  const { message, header } = await client.encrypt(PLAINTEXT, { cmm, encryptionContext: { tenant: '42' } });
  holds(!('tenant' in header.encryptionContext), 'required pairs are not stored');
  holds((await codeOf(client.decrypt(message, { keyring }))) === 'DECRYPTION_FAILED', 'nor left out');
  const reproduced = await client.decrypt(message, { cmm, encryptionContext: { tenant: '42' } });
  holds(equal(reproduced.plaintext, PLAINTEXT), 'required pairs open the message');
  await manyKeyringsHold(holds, keyring);
}

async function cacheHolds(
  holds: Holds,
  keyring: Keyring,
  newCache: typeof localCache | typeof stormTrackingCache,
): Promise<void> {
  const client = encryptionClient();
  const cache = newCache({ capacity: 10 });
  const cmm = cachingCmm({ keyring, cache, ttlMs: 60_000 });
  const written = await Promise.all(Array.from({ length: 20 }, () => client.encrypt(PLAINTEXT, { cmm })));
  holds(cache.counters().loads === 1, 'callers at the same time share one data key');
  const opened = await Promise.all(written.map(({ message }) => client.decrypt(message, { cmm })));
  holds(cache.counters().loads === 2, 'and share it again to decrypt');
  holds(
    opened.every(({ plaintext }) => equal(plaintext, PLAINTEXT)),
    'messages under a cached data key open',
  );
}

async function manyKeyringsHold(holds: Holds, keyring: Keyring): Promise<void> {
  const client = encryptionClient();
  for (const length of [16, 24, 32]) {
    const wrappingKey = new Uint8Array(length).fill(length);
    const other = rawAesKeyring({ namespace: 'runtimes', name: `${length} bytes`, wrappingKey });
    const both = multiKeyring({ generator: keyring, children: [other] });
    const { message } = await client.encrypt(PLAINTEXT, { keyring: both });
    for (const any of [keyring, other]) {
      const { plaintext } = await client.decrypt(message, { keyring: any });
      holds(equal(plaintext, PLAINTEXT), `one of several keyrings is enough, with a key of ${length} bytes`);
    }
  }
}

const PLAINTEXT = Uint8Array.of(1, 2, 3);
