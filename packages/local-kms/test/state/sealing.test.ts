import { createSecretKey, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sealed, unsealed } from '../../src/state/sealing.ts';

const key = createSecretKey(randomBytes(32));
const corrupt: unknown = expect.objectContaining({ code: 'STATE_CORRUPT' });
const stored = fc.oneof(
  fc.integer(),
  fc.dictionary(
    fc.string().filter((name) => name !== '__proto__'),
    fc.oneof(
      fc.string(),
      fc.integer({ min: 0, max: 8.64e15 }),
      fc.boolean(),
      fc.array(fc.string()),
      fc.constant(undefined),
    ),
  ),
);

describe('a sealed record', () => {
  test('opens as what it was, under its name and version', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), stored, (name, version, stored) => {
        const body = sealed(key, { name, stored }, version);
        expect(unsealed(key, { name, version, body })).toEqual({ name, stored });
      }),
    );
  });

  test('opens under no other name, version or key', () => {
    const [name, version] = ['key/eu-north-1/a', 7];
    const body = sealed(key, { name, stored: { a: 1 } }, version);
    expect(() => unsealed(key, { name: 'key/eu-north-1/b', version, body })).toThrow(corrupt);
    expect(() => unsealed(key, { name, version: 6, body })).toThrow(corrupt);
    expect(() => unsealed(createSecretKey(randomBytes(32)), { name, version, body })).toThrow(corrupt);
  });

  test('does not open when a bit of it has changed', () => {
    const body = Buffer.from(sealed(key, { name: 'a', stored: 1 }, 1));
    for (let bit = 0; bit < body.length * 8; bit += 1) {
      const changed = Buffer.from(body);
      changed.writeUInt8(body.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => unsealed(key, { name: 'a', version: 1, body: changed })).toThrow(corrupt);
    }
  });

  test('leaves nothing of the bytes that it was made of', () => {
    const secret = randomBytes(32);
    const copy = Buffer.from(secret);
    const body = sealed(key, { name: 'a', stored: { versions: [{ material: secret }] } }, 1);
    expect(secret).toEqual(Buffer.alloc(32));
    expect(unsealed(key, { name: 'a', version: 1, body }).stored).toEqual({ versions: [{ material: copy }] });
  });
});
