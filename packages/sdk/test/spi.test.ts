import { expect, expectTypeOf, it } from 'vitest';
import { type AesGcmKey, aesGcmKey, constantTimeEqual, hmac, randomBytes } from '../src/spi.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

it('hmac returns a promise on every runtime, and has read its key and parts when it returns', async () => {
  const [key, part] = [new Uint8Array(20).fill(0x0b), new TextEncoder().encode('Hi There')];
  const mac = hmac('SHA-256', key, part.subarray(0, 2), part.subarray(2));
  key.fill(0);
  part.fill(0);
  expect(mac).toBeInstanceOf(Promise);
  expectTypeOf(hmac).returns.toEqualTypeOf<Promise<Uint8Array>>();
  // RFC 4231 test case 1.
  expect(hex(await mac)).toBe('b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7');
});

it('aesGcmKey returns a promise of the exported type, and has copied the key when it returns', async () => {
  const key = randomBytes(32);
  const [first, second] = [aesGcmKey(key), aesGcmKey(Uint8Array.from(key))];
  key.fill(0);
  expect(first).toBeInstanceOf(Promise);
  expectTypeOf(aesGcmKey).returns.toEqualTypeOf<Promise<AesGcmKey>>();
  const [iv, aad, sealed, opened] = [
    randomBytes(12),
    Uint8Array.of(7),
    new Uint8Array(19),
    new Uint8Array(3),
  ];
  await (await first).seal(iv, aad, Uint8Array.of(1, 2, 3), sealed);
  expect(await (await second).open(iv, aad, sealed, opened)).toBe(true);
  expect(opened).toEqual(Uint8Array.of(1, 2, 3));
});

it('aesGcmKey rejects a key of another length, and does not throw', async () => {
  const key = aesGcmKey(new Uint8Array(31));
  await expect(key).rejects.toThrow(RangeError);
});

it('randomBytes refuses what is no length', () => {
  expect(randomBytes(70_000)).toHaveLength(70_000);
  for (const length of [-1, 1.5, Number.NaN]) expect(() => randomBytes(length)).toThrow(RangeError);
});

it('constantTimeEqual compares lengths and bytes', () => {
  expect(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
});
