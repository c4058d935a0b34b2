import { describe, expect, it } from 'vitest';
import { httpKeyring, httpKinds } from './http-keyrings.ts';
import { copiesInMemory } from './memory.ts';
import { dataKeysOf, messagesOf } from './messages.ts';
import { startChild } from './start-child.ts';

describe.skipIf(process.platform !== 'linux')('after 100 messages there and back', () => {
  // As bytes. The strings of base64 in requests and answers stay until something else takes their place.
  it.each(Object.entries(httpKinds))(
    'no data key is left in the memory of the process, with a key of %s',
    { timeout: 120_000 },
    async (name, kind) => {
      const { address, token, close } = await kind.start();
      const child = startChild(new URL('http-child.ts', import.meta.url), [name, address, token, '100']);
      const messages = await messagesOf(child);
      expect(messages).toHaveLength(100);
      const dataKeys = await dataKeysOf(httpKeyring(name, address, token), messages);
      await close();
      const needles = [new TextEncoder().encode(token), ...dataKeys];
      const [control = 0, ...copies] = copiesInMemory(child.pid ?? 0, needles);
      expect(copies.reduce((sum, count) => sum + count, 0)).toBe(0);
      // The search works: the token is there, for it stands in the arguments.
      expect(control).toBeGreaterThan(0);
    },
  );
});
