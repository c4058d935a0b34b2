import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type DeviceKeySelector,
  isMatch,
  selectorName,
  selectorText,
} from '../../src/devices/key-selector.ts';

const id = fc.uint8Array({ minLength: 1, maxLength: 2, max: 2 });
const label = fc.oneof(
  fc.string({ maxLength: 3 }),
  id.map((bytes) => Buffer.from(bytes).toString('hex')),
);
const selectors: fc.Arbitrary<DeviceKeySelector> = fc.oneof(fc.record({ id }), fc.record({ label }));

it('the name of a selector is that of no other one', () => {
  fc.assert(
    fc.property(selectors, selectors, (a, b) => {
      const isSame = JSON.stringify(selectorText(a)) === JSON.stringify(selectorText(b));
      expect(selectorName(a) === selectorName(b)).toBe(isSame);
    }),
  );
});

it('a selector means the keys with its label or id, whatever else they have', () => {
  fc.assert(
    fc.property(fc.record({ id, label }), selectors, (key, selector) => {
      const own = 'id' in selector ? { id: key.id } : { label: key.label };
      expect(isMatch(key, selector)).toBe(selectorName(own) === selectorName(selector));
    }),
  );
});
