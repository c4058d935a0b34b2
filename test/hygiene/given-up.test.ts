import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { encryptionClient } from '@holdfast/sdk';
import { afterAll, describe, expect, it } from 'vitest';
import { copiesInMemory } from './memory.ts';
import { startChild } from './start-child.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-hygiene-'));
afterAll(() => rmSync(directory, { recursive: true }));

const LONG_FRAMES = { suite: 0x0478, frameLength: 2 ** 20 } as const;
const SIGNED = { suite: 0x0578, frameLength: 4096 } as const;
const CASES = [
  ['in one piece', LONG_FRAMES],
  ['by its decryptor', LONG_FRAMES],
  ['by iterate', LONG_FRAMES],
  ['by a Node stream', LONG_FRAMES],
  ['by a Node stream', SIGNED],
] as const;

describe.skipIf(process.platform !== 'linux')('a message that lacks its end', () => {
  it.each(CASES)(
    'leaves none of our plaintext in memory when it was given up %s, with %j',
    async (way, options) => {
      const wrappingKey = randomBytes(32);
      const keyring = rawAesKeyring({ namespace: 'hygiene', name: 'key', wrappingKey });
      const plaintext = randomBytes(300_000);
      const { message } = await encryptionClient().encrypt(plaintext, { keyring, ...options });
      const file = join(directory, 'message');
      writeFileSync(file, message.subarray(0, -50));
      const child = startChild(new URL('given-up-child.ts', import.meta.url), [
        wrappingKey.toString('hex'),
        file,
        way,
      ]);
      if (child.stdout) await once(child.stdout, 'data');
      const samples = Array.from({ length: 30 }, (_, i) => plaintext.subarray(i * 10_000, i * 10_000 + 32));
      const [control = 0, ...copies] = copiesInMemory(child.pid ?? 0, [wrappingKey, ...samples]);
      // What node:crypto decrypts, it copies once more into memory that it frees as it is: of the last pieces that may be left.
      expect(copies.filter((count) => count > 0).length).toBeLessThan(samples.length / 2);
      // The search works: the wrapping key is there, as it has to be.
      expect(control).toBeGreaterThan(0);
    },
  );
});
