import { describe, expect, it } from 'vitest';
import { copiesInMemory } from './memory.ts';
import { dataKeysOf, messagesOf } from './messages.ts';
import { rawKeyrings } from './raw-keyrings.ts';
import { startChild } from './start-child.ts';

describe.skipIf(process.platform !== 'linux')('after 100 messages there and back', () => {
  it.each(Object.entries(rawKeyrings))(
    'no data key is left in the memory of a process with a keyring for %s',
    { timeout: 120_000 },
    async (name, kind) => {
      const key = kind.newKey();
      const args = [name, Buffer.from(key).toString('hex'), '100'];
      const child = startChild(new URL('raw-keyrings-child.ts', import.meta.url), args);
      const messages = await messagesOf(child);
      expect(messages).toHaveLength(100);
      const needles = [key, ...(await dataKeysOf(kind.keyring(key), messages))];
      const [control = 0, ...copies] = copiesInMemory(child.pid ?? 0, needles);
      expect(copies.reduce((sum, count) => sum + count, 0)).toBe(0);
      // The search works: the private key is there, as it has to be.
      expect(control).toBeGreaterThan(0);
    },
  );
});
