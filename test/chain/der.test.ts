import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { der } from '../../examples/chain/der.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test.each([
  ['a small integer', der.unsigned(Uint8Array.of(2)), '020102'],
  ['an integer with leading zeros', der.unsigned(Uint8Array.of(0, 0, 1, 0)), '02020100'],
  ['an integer whose first bit is set', der.unsigned(Uint8Array.of(0x80)), '02020080'],
  ['zero', der.unsigned(Uint8Array.of(0)), '020100'],
  ['an object identifier with long arcs', der.oid('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
  ['a time before 2050', der.time(new Date('2049-12-31T23:59:59Z')), '170d3439313233313233353935395a'],
  ['a time after 2049', der.time(new Date('2050-01-01T00:00:00Z')), '180f32303530303130313030303030305a'],
  ['an empty sequence', der.sequence(), '3000'],
  ['a set in a context-specific element', der.constructed(3, der.set(der.boolean(true))), 'a30531030101ff'],
])('%s is encoded as X.690 says', (_title, encoded, expected) => {
  expect(hex(encoded)).toBe(expected);
});

test('a content of any length is preceded by the shortest form of that length', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 70_000 }), (length) => {
      const encoded = der.octetString(new Uint8Array(length));
      const form = length < 0x80 ? '' : length < 0x100 ? '81' : length < 0x1_0000 ? '82' : '83';
      const digits = length.toString(16);
      const header = `04${form}${digits.padStart(digits.length + (digits.length % 2), '0')}`;
      expect(hex(encoded.subarray(0, header.length / 2))).toBe(header);
      expect(encoded.length).toBe(header.length / 2 + length);
    }),
  );
});

test('a public key put together from its parts is one that OpenSSL reads', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const point = spki.subarray(-65);
  const algorithm = der.sequence(der.oid('1.2.840.10045.2.1'), der.oid('1.2.840.10045.3.1.7'));
  const key = Buffer.from(der.sequence(algorithm, der.bitString(point)));
  expect(createPublicKey({ key, type: 'spki', format: 'der' }).equals(publicKey)).toBe(true);
});
