import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headerText, parseHeader } from '../../src/state/header.ts';

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes));
const wrappedKey = fc.oneof(
  fc.record({
    type: fc.constant('passphrase' as const),
    costLog2: fc.integer({ min: 14, max: 20 }),
    blockSize: fc.constant(8 as const),
    parallelization: fc.constant(1 as const),
    salt: bytes(16),
    sealed: bytes(60),
  }),
  fc.record({ type: fc.constant('pkcs11' as const), iv: bytes(12), ciphertext: bytes(32), tag: bytes(16) }),
);
const accountId = fc.nat(999_999_999_999).map((number) => String(number).padStart(12, '0'));

describe('a header', () => {
  test('is read as what it was written of', () => {
    fc.assert(
      fc.property(accountId, wrappedKey, (accountId, wrappedKey) => {
        const text = headerText({ accountId, wrappedKey });
        expect(text).not.toContain('\n');
        const header = parseHeader(text);
        expect(header).toEqual({ accountId, wrappedKey });
        expect(headerText(header)).toBe(text);
      }),
    );
  });

  test('that is anything else is corrupt', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(() => parseHeader(text)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
      }),
    );
  });
});
