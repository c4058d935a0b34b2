const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** All parts in one new array, which may hold secrets: see {@link secretBytes}. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = secretBytes(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** True for a Uint8Array, including one of another realm, unless other threads may write to its memory. */
export function isBytes(value: unknown): value is Uint8Array {
  return (
    ArrayBuffer.isView(value) && typeName(value) === 'Uint8Array' && typeName(value.buffer) === 'ArrayBuffer'
  );
}

function typeName(value: object): unknown {
  return Reflect.get(value, Symbol.toStringTag);
}

/** Zeroes all of them. */
export function wipeAll(parts: readonly Uint8Array[]): void {
  for (const part of parts) part.fill(0);
}

/**
 * Zeroed memory for a key. Small arrays lie in the engine's heap, where the garbage collector moves them and leaves
 * copies behind that cannot be wiped; an explicit buffer stays where it is.
 *
 * @throws RangeError unless `length` is an integer of 0 or more
 */
export function secretBytes(length: number): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(length) || length < 0) throw new RangeError('length: expected an integer, 0 or more');
  return new Uint8Array(new ArrayBuffer(length));
}

/** UTF-8 bytes of a string that has no lone surrogates (the caller has checked). */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * Writes the UTF-8 bytes of a string that has no lone surrogates to `out`, which has room; returns the offset after
 * them.
 */
export function writeUtf8(text: string, out: Uint8Array, offset: number): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // For short ASCII, which most texts in a header are, a loop is several times faster than the encoder.
    if (unit >= 0x80) return offset + i + encoder.encodeInto(text.slice(i), out.subarray(offset + i)).written;
    out[offset + i] = unit;
  }
  return offset + text.length;
}

/** The string for valid UTF-8, `undefined` for anything else, including lone surrogates and overlong forms. */
export function utf8Text(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    return shortAscii(bytes, start, end) ?? decoder.decode(bytes.slice(start, end));
  } catch {
    return undefined;
  }
}

/** A loop for short ASCII, for the same reason as in {@link writeUtf8}. Returns `undefined` for any other bytes. */
function shortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > MAX_SHORT_TEXT) return undefined;
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0;
    if (byte >= 0x80) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Orders by unsigned byte value, a prefix first: negative, zero or positive as for `Array.prototype.sort`. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/**
 * Orders strings without lone surrogates as `compareBytes` orders their UTF-8 bytes: by code points, unlike
 * JavaScript's own order where characters need two units.
 */
export function compareAsUtf8(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return (a.codePointAt(i) ?? 0) - (b.codePointAt(i) ?? 0);
  }
  return a.length - b.length;
}

/**
 * The same bytes as a plain Uint8Array, for what may be a Buffer: views of a Buffer are Buffers too, and take longer to
 * make.
 */
export function plainView<B extends ArrayBufferLike>(bytes: Uint8Array<B>): Uint8Array<B> {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** @throws TypeError if the length has changed: the memory was resized meanwhile, or transferred to a thread */
export function assertLength(bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw shortened();
}

/**
 * Like `subarray`, but never shorter than requested.
 *
 * @throws TypeError if the bytes are not there any more: see {@link assertLength}
 */
export function fullSubarray(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (bytes.length < end) throw shortened();
  return bytes.subarray(start, end);
}

function shortened(): TypeError {
  return new TypeError('bytes: expected to stay as long as they were');
}

/**
 * Writes the low 32 bits of `value` big-endian; returns the offset after them. A DataView would cost more to create
 * than it saves.
 */
export function writeUint32(out: Uint8Array, offset: number, value: number): number {
  out[offset] = value >>> 24;
  out[offset + 1] = value >>> 16;
  out[offset + 2] = value >>> 8;
  out[offset + 3] = value;
  return offset + 4;
}

/** `value` as a 16-bit big-endian number. */
export function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

const MAX_SHORT_TEXT = 64;
/** An empty array. Never handed out: a caller may transfer the memory of any array that it gets. */
export const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);
