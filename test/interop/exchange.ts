import { expect } from 'vitest';
import type { Implementation, WriteOptions } from './implementation.ts';

/** One implementation writes a message, the other reads it; plaintext and header facts must agree. */
export async function expectExchange(
  writer: Implementation,
  reader: Implementation,
  plaintext: Uint8Array,
  options: WriteOptions,
): Promise<void> {
  const written = await writer.encrypt(plaintext, options);
  const read = await reader.decrypt(written.message, options.commitmentPolicy);
  expect(Buffer.compare(read.plaintext, plaintext)).toBe(0);
  expect(read.header).toEqual(written.header);
  if (options.encryptionContext !== undefined) {
    expect(read.header.encryptionContext).toMatchObject(options.encryptionContext);
  }
}

/** Both directions between two implementations, by name. */
export function directions(
  ours: Implementation,
  theirs: Implementation,
): readonly { readonly title: string; readonly writer: Implementation; readonly reader: Implementation }[] {
  return [
    { title: `${theirs.name} opens what ${ours.name} wrote`, writer: ours, reader: theirs },
    { title: `${ours.name} opens what ${theirs.name} wrote`, writer: theirs, reader: ours },
  ];
}

/** Bytes that are easy to tell apart: no two frames of a message are alike. */
export function sample(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

/** Contexts on which implementations have differed: order of bytes, of UTF-16 units and of words. */
export const contexts = {
  'no pairs': {},
  'mixed case': { b: '1', A: '2', a: '3', B: '4', _: '5' },
  'other scripts': { größe: 'XL', ägypten: 'Z', zebra: 'ö', Ωμέγα: 'ω', 中文: '值' },
  // U+FF5E comes before U+1F511 in UTF-8, behind it in UTF-16.
  'characters beyond 16 bits': { '\u{1f511}': 'key', '\uff5e': 'tilde', 𐐷: '\u{1f512}' },
} as const;
