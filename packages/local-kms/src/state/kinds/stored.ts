import { z } from 'zod';

/** A time: milliseconds since 1970. */
export const storedTime = z.int().transform((ms) => new Date(ms));

/** Bytes, which are wiped once they are read. */
export const storedBytes = z.instanceof(Uint8Array);

/** Texts by name. An array, because `__proto__` is a name like any other. */
export const storedPairs = z.array(z.tuple([z.string(), z.string()]));

/** undefined, or what is not. */
export function optionally<Schema extends z.ZodType>(schema: Schema) {
  return z.union([z.undefined(), schema]);
}
