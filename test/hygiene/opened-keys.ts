export const KEY_LENGTH = 32;
export const TAG_LENGTH = 16;

/** The initialization vector of one of many keys that are wrapped under the same one. */
export function ivOf(index: number): Uint8Array {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(index);
  return iv;
}
