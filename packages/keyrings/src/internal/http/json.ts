import { Buffer } from 'node:buffer';
import { secretBytes } from '@holdfast/sdk/spi';

/** Returns the first of the `known` words that occurs in a text, or in one of several. */
export function knownWord(known: readonly string[], text: unknown): string | undefined {
  const texts = [text].flat().filter((part) => typeof part === 'string');
  return known.find((word) => texts.some((part) => part.includes(word)));
}

/** The forms of bytes in JSON: standard with padding, or URL-safe without. */
export type Base64Form = 'base64' | 'base64url';

/** The text of the bytes. */
export function base64(bytes: Uint8Array, form: Base64Form = 'base64'): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(form);
}

/** Returns the bytes of a canonical text, in memory that can be wiped; `undefined` for anything else. */
export function fromBase64(text: unknown, form: Base64Form = 'base64'): Uint8Array | undefined {
  if (typeof text !== 'string') return undefined;
  const bytes = secretBytes(Buffer.byteLength(text, form));
  const buffer = Buffer.from(bytes.buffer);
  const length = buffer.write(text, form);
  if (length === bytes.length && buffer.toString(form) === text) return bytes;
  bytes.fill(0);
  return undefined;
}
