import { concat } from '../bytes.ts';

/**
 * The DER form, SEQUENCE of two INTEGERs, of a signature r ‖ s.
 *
 * @see RFC 3279 section 2.2.3
 */
export function encodeEcdsaSignature(rs: Uint8Array): Uint8Array {
  const half = rs.length / 2;
  const integers = concat([encodeInteger(rs.subarray(0, half)), encodeInteger(rs.subarray(half))]);
  return concat([Uint8Array.of(SEQUENCE_TAG, integers.length), integers]);
}

/**
 * r ‖ s, each `coordinateLength` bytes, of a DER signature; `undefined` unless it is the one canonical encoding: no
 * long lengths, no padding, no negative numbers, no bytes after it. The range (0 < r, s < n) is left to the
 * verification itself.
 */
export function decodeEcdsaSignature(der: Uint8Array, coordinateLength: number): Uint8Array | undefined {
  if (der[0] !== SEQUENCE_TAG || der[1] !== der.length - 2) return undefined;
  const rs = new Uint8Array(2 * coordinateLength);
  const afterR = decodeInteger(der, 2, rs.subarray(0, coordinateLength));
  if (afterR === undefined) return undefined;
  const end = decodeInteger(der, afterR, rs.subarray(coordinateLength));
  return end === der.length ? rs : undefined;
}

function encodeInteger(value: Uint8Array): Uint8Array {
  const firstDigit = value.findIndex((byte) => byte !== 0);
  const digits = firstDigit === -1 ? value.subarray(-1) : value.subarray(firstDigit);
  const sign = (digits[0] ?? 0) >= 0x80 ? [0] : [];
  return Uint8Array.of(INTEGER_TAG, sign.length + digits.length, ...sign, ...digits);
}

/**
 * Writes the integer at `offset`, right-aligned, to `out`; returns the offset after it, or `undefined` if it is not
 * canonical.
 */
function decodeInteger(der: Uint8Array, offset: number, out: Uint8Array): number | undefined {
  const [tag, length = 0, first = 0, second = 0] = der.subarray(offset);
  const end = offset + 2 + length;
  if (tag !== INTEGER_TAG || length === 0 || length >= 0x80 || end > der.length) return undefined;
  if (first >= 0x80) return undefined; // negative
  const isPadded = first === 0 && length > 1;
  if (isPadded && second < 0x80) return undefined; // not the shortest form
  const digits = der.subarray(offset + 2 + (isPadded ? 1 : 0), end);
  if (digits.length > out.length) return undefined;
  out.set(digits, out.length - digits.length);
  return end;
}

const SEQUENCE_TAG = 0x30;
const INTEGER_TAG = 0x02;
