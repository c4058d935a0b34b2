import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KINDS } from './kinds.ts';
import { copiesInMemory } from './memory.ts';
import { dataKeysOf, messagesOf } from './messages.ts';
import { startChild } from './start-child.ts';

describe.skipIf(process.platform !== 'linux')('after 100 messages there and back', () => {
  // As bytes. What requests and answers have in base64 stays, as strings, until something else takes its place.
  it.for(Object.entries(KINDS))(
    'no data key is left in the memory of the process, with %s',
    { timeout: 120_000 },
    async ([name, kind], { skip }) => {
      skip(kind.missing !== undefined, kind.missing);
      const { address, close } = await kind.start();
      const control = randomBytes(32);
      const args = [name, '100', control.toString('hex'), ...address];
      const child = startChild(new URL('child.ts', import.meta.url), args, kind);
      const messages = await messagesOf(child);
      const open = await kind.open(...address);
      const dataKeys = await dataKeysOf(open.keyring, messages);
      open.close?.();
      await close?.();
      expect(dataKeys).toHaveLength(100);
      const [controls, ...copies] = copiesInMemory(child.pid ?? 0, [control, ...dataKeys]);
      expect(copies.reduce((sum, count) => sum + count, 0)).toBe(0);
      // The search works: what the process has is found.
      expect(controls).toBeGreaterThan(0);
    },
  );
});
