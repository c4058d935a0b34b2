import { createCipheriv, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { copiesInMemory } from './memory.ts';
import { ivOf, KEY_LENGTH, USES } from './opened-keys.ts';
import { startChild } from './start-child.ts';

// node:crypto lets go of a copy with each: of one in a hundred, something stays.
it.skipIf(process.platform !== 'linux').each(Object.keys(USES))(
  'of 5,000 keys %s none is left in memory',
  {
    timeout: 60_000,
  },
  async (use) => {
    const wrappingKey = randomBytes(32);
    const keys = Array.from({ length: 5_000 }, () => randomBytes(KEY_LENGTH));
    const sealed = keys.flatMap((key, index) => {
      const cipher = createCipheriv('aes-256-gcm', wrappingKey, ivOf(index));
      return [cipher.update(key), cipher.final(), cipher.getAuthTag()];
    });
    const program = new URL('opened-keys-child.ts', import.meta.url);
    const child = startChild(program, [wrappingKey.toString('hex'), use]);
    child.stdin?.end(Buffer.concat(sealed));
    let opened = 0;
    child.stdout?.once('data', (line) => {
      opened = Number(line);
    });
    await expect.poll(() => opened, { timeout: 30_000 }).toBe(keys.length);
    const counts = copiesInMemory(child.pid ?? 0, [wrappingKey, ...keys]);
    expect(counts.slice(1).reduce((sum, count) => sum + count, 0)).toBe(0);
    expect(counts[0]).toBeGreaterThan(0);
  },
);
