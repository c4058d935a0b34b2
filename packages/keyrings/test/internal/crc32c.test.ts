import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32c } from '../../src/internal/crc32c.ts';
import { bitwiseCrc32c } from '../fixtures/gcp-kms.ts';

it.each([
  ['nothing', new Uint8Array(0), 0],
  ['the digits 1 to 9', new TextEncoder().encode('123456789'), 0xe3069283],
  // RFC 3720, appendix B.4
  ['32 bytes of zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 bytes that count up', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['32 bytes that count down', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
])('CRC-32C has the published value for %s', (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc);
});

it('CRC-32C by table is CRC-32C bit by bit', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(crc32c(bytes)).toBe(bitwiseCrc32c(bytes));
    }),
  );
});
