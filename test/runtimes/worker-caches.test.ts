import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { visitWorker } from './visit-worker.ts';

// In a worker, promises and timers end with the request that made them, and what is cached goes on for the next ones.

test('a load that its caller gave up on is begun again when it counts as lost', async ({ skip }) => {
  const answers = await visits(skip, ['/local?impatient', 600, '/local', '/local']);
  expect(answers).toBe('given up, written, written');
});

test('a load in the background, which its request does not wait for, is begun again too', async ({
  skip,
}) => {
  const answers = await visits(skip, ['/storm', 700, '/storm', 600, '/storm', '/storm']);
  expect(answers).toBe('written, written, written, written');
});

test('data keys are wiped that ended between two requests', async ({ skip }) => {
  const answers = await visits(skip, ['/brief/a', 200, '/brief/b', '/keys']);
  expect(answers).toBe('written, written, wiped kept');
});

/** What a worker answers to requests one after the other, with pauses of so many milliseconds. */
async function visits(skip: (isMissing: boolean, note: string) => void, steps: readonly (string | number)[]) {
  return visitWorker(skip, { contract: CONTRACT, main: MAIN }, async (visit) => {
    const answers: string[] = [];
    for (const step of steps) {
      if (typeof step === 'number') await pause(step);
      else answers.push(await visit(step));
    }
    return answers.join(', ');
  });
}

const MAIN = `import { answer } from './contract.mjs';
export default { fetch: async ({ url }) => new Response(await answer(new URL(url))) };
`;

/** Caches over a keyring as slow as a key service. */
const CONTRACT = `
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { cachingCmm, encryptionClient, type Keyring, localCache, stormTrackingCache } from '@holdfast/sdk';

export async function answer({ pathname, search }: URL): Promise<string> {
  shared ??= start();
  const { cmms, keys } = shared;
  if (pathname === '/keys') return keys.map((key) => (key.every((byte) => byte === 0) ? 'wiped' : 'kept')).join(' ');
  const [, cache, tenant = ''] = pathname.split('/');
  const signal = search === '' ? undefined : AbortSignal.timeout(50);
  const options = { cmm: cmms[cache], suite: 0x0478, encryptionContext: { tenant }, signal } as const;
  const encrypting = encryptionClient().encrypt(new Uint8Array(5), options);
  return encrypting.then(() => 'written', (error) => (signal?.aborted ? 'given up' : String(error)));
}

function start() {
  const raw = rawAesKeyring({ namespace: 'worker', name: 'key', wrappingKey: new Uint8Array(32).fill(1) });
  const keys: Uint8Array[] = [];
  const keyring: Keyring = {
    ...raw,
    async onEncrypt(materials) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const wrapped = await raw.onEncrypt(materials);
      keys.push(wrapped.dataKey);
      return wrapped;
    },
  };
  const times = { inFlightTtlMs: 500, gracePeriodMs: 500, graceIntervalMs: 100 };
  const [local, storm] = [localCache, stormTrackingCache].map((newCache) => newCache({ capacity: 10, ...times }));
  const cmms = {
    local: cachingCmm({ keyring, cache: local, ttlMs: 60_000 }),
    storm: cachingCmm({ keyring, cache: storm, ttlMs: 1_000 }),
    brief: cachingCmm({ keyring, cache: local, ttlMs: 100 }),
  };
  return { cmms, keys };
}

let shared: ReturnType<typeof start> | undefined;
`;
