import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { StoreKeyConfig } from '../../src/config/keys.ts';
import { keysDocument, parseKeysDocument } from '../../src/config/keys-document.ts';

const selector = fc.oneof(
  fc.record({ label: fc.string({ minLength: 1, unit: 'grapheme' }) }),
  fc.record({ id: fc.uint8Array({ minLength: 1, maxLength: 20 }).map((id) => Buffer.from(id)) }),
);
const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const usages = fc.subarray(['ENCRYPT', 'DECRYPT'] as const, { minLength: 1 });
const key: fc.Arbitrary<StoreKeyConfig> = fc.record({
  externalKeyId: name,
  tokens: fc.option(fc.array(name, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  versions: fc
    .uniqueArray(fc.record({ version: fc.integer({ min: 1, max: 65_535 }), selector }), {
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

it('of no keys is one', () => {
  expect(parseKeysDocument(keysDocument([]))).toEqual([]);
  expect(parseKeysDocument('')).toEqual([]);
});
