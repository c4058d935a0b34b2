import { expect, test } from 'vitest';
import { expectContext, expectSameBytes, Mismatch } from '../../examples/chain/comparison.ts';
import type { Envelope } from '../../examples/chain/envelope.ts';
import { exchange } from '../../examples/chain/interop.ts';

const bytes = Uint8Array.of(1, 2, 3);

test.each([
  ['another byte', Uint8Array.of(1, 2, 4)],
  ['a byte less', Uint8Array.of(1, 2)],
  ['a byte more', Uint8Array.of(1, 2, 3, 0)],
])('%s is a mismatch', (_title, actual) => {
  expect(() => expectSameBytes('test', actual, bytes)).toThrow(Mismatch);
});

test('a context with more keys than ours holds ours', () => {
  expect(() => expectContext('test', { a: '1', 'aws-crypto-public-key': 'x' }, { a: '1' })).not.toThrow();
});

test.each([
  ['a missing key', {}],
  ['another value', { a: '2' }],
])('a context with %s is a mismatch', (_title, actual) => {
  expect(() => expectContext('test', actual, { a: '1' })).toThrow(Mismatch);
});

test('an exchange with an opener that loses a byte is a mismatch', async () => {
  const honest: Envelope = {
    seal: async (plaintext) => plaintext,
    open: async (plaintext) => ({ plaintext, encryptionContext: {} }),
  };
  const lossy: Envelope = { ...honest, open: (message) => honest.open(message.subarray(1), {}) };
  await expect(exchange('test', honest, honest, bytes, {})).resolves.toBeUndefined();
  await expect(exchange('test', honest, lossy, bytes, {})).rejects.toThrow(Mismatch);
});
