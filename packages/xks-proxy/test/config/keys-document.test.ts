import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { StoreKeyConfig } from '../../src/config/keys.ts';
import { keysDocument, parseKeysDocument } from '../../src/config/keys-document.ts';

const selector = fc.oneof(
  fc.record({ label: fc.string({ minLength: 1, unit: 'grapheme' }) }),
  fc.record({ id: fc.uint8Array({ minLength: 1, maxLength: 20 }) }),
);
const encryptsFrom = fc.option(
  fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
  { nil: undefined },
);
const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const usages = fc.subarray(['ENCRYPT', 'DECRYPT'] as const, { minLength: 1 });
const key: fc.Arbitrary<StoreKeyConfig> = fc.record({
  externalKeyId: name,
  tokens: fc.option(fc.array(name, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  versions: fc
    .uniqueArray(fc.record({ version: fc.integer({ min: 1, max: 65_535 }), selector, encryptsFrom }), {
      minLength: 1,
      maxLength: 4,
      selector: ({ version }) => version,
    })
    .map((versions) => versions.toSorted((a, b) => a.version - b.version)),
  usages,
  status: fc.constantFrom('ENABLED', 'DISABLED', 'BLOCKED'),
  acceptReferenceCiphertext: fc.boolean(),
});

it('is read as the keys that it was written of', () => {
  const keys = fc.uniqueArray(key, { selector: ({ externalKeyId }) => externalKeyId, maxLength: 5 });
  fc.assert(
    fc.property(keys, (keys) => {
      expect(parseKeysDocument(keysDocument(keys))).toEqual(keys);
    }),
  );
});

it('has an id in memory of its own, which can go to another thread without what lies beside it', () => {
  const [key] = parseKeysDocument('[[keys]]\nexternal_key_id = "a"\nid = "0badcafe"\n');
  const [selector] = key?.versions.map((version) => version.selector) ?? [];
  expect(selector).toEqual({ id: Uint8Array.of(0x0b, 0xad, 0xca, 0xfe) });
  expect(structuredClone(selector)).toMatchObject({ id: { buffer: { byteLength: 4 } } });
});

it('has an instant with its zone', () => {
  const text = (instant: string) =>
    `[[keys]]\nexternal_key_id = "a"\nversions = [{ version = 1, label = "a", encrypts_from = ${instant} }]\n`;
  expect(parseKeysDocument(text('2026-11-22T09:00:00+02:00'))[0]?.versions).toMatchObject([
    { encryptsFrom: new Date('2026-11-22T07:00:00Z') },
  ]);
  for (const instant of ['2026-11-22T09:00:00', '2026-11-22', '09:00:00', '"2026-11-22T09:00:00Z"'])
    expect(() => parseKeysDocument(text(instant))).toThrow(z.ZodError);
});

it('of no keys is one', () => {
  expect(parseKeysDocument(keysDocument([]))).toEqual([]);
  expect(parseKeysDocument('')).toEqual([]);
});
