import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeParties, encodeParties } from '../../../src/internal/ecdh/parties.ts';
import { POINT_LENGTHS } from '../../../src/internal/ecdh/points.ts';

const curves = fc.constantFrom('P-256', 'P-384', 'P-521');
const parties = curves.chain((curve) => {
  const length = POINT_LENGTHS[curve];
  const point = fc.uint8Array({ minLength: length, maxLength: length });
  return fc.record({ curve: fc.constant(curve), sender: point, recipient: point });
});

describe('the provider information of ECDH keyrings', () => {
  it.each([
    ['P-256', 75],
    ['P-384', 107],
    ['P-521', 143],
  ] as const)('of %s has %i bytes', (curve, length) => {
    const point = new Uint8Array(POINT_LENGTHS[curve]);
    expect(encodeParties({ curve, sender: point, recipient: point })).toHaveLength(length);
  });

  it('reads as it was written', () => {
    fc.assert(
      fc.property(parties, (written) => {
        expect(decodeParties(written.curve, encodeParties(written))).toEqual(written);
      }),
    );
  });

  it('is refused with another version, other lengths, for another curve, and with a byte more or less', () => {
    fc.assert(
      fc.property(parties, (written) => {
        const { curve } = written;
        const info = encodeParties(written);
        const length = POINT_LENGTHS[curve];
        for (const index of [0, 1, 2, 3, 4, 5 + length, 6 + length, 7 + length, 8 + length]) {
          const changed = info.map((byte, i) => (i === index ? byte ^ 1 : byte));
          expect(decodeParties(curve, changed)).toBeUndefined();
        }
        expect(decodeParties(curve, info.subarray(0, -1))).toBeUndefined();
        expect(decodeParties(curve, Uint8Array.of(...info, 0))).toBeUndefined();
        expect(decodeParties(curve === 'P-256' ? 'P-384' : 'P-256', info)).toBeUndefined();
      }),
    );
  });
});
