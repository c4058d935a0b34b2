import { z } from 'zod';

/** The name of a store or a token, for the log. */
export const NAME = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 characters of A-Z, a-z, 0-9, ., _ and -');

/** The id of an external key. */
export const EXTERNAL_KEY_ID = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 characters of A-Z, a-z, 0-9, ., _ and -');

/** A check that no two rows have the same value of a field. */
export function unique<Row>(field: string, valueOf: (row: Row) => string) {
  return (rows: readonly Row[], context: z.RefinementCtx): void => {
    const values = rows.map(valueOf);
    for (const [index, value] of values.entries()) {
      // An invalid row may have no value.
      if (typeof value !== 'string' || values.indexOf(value) === index) continue;
      context.addIssue({
        code: 'custom',
        path: [index, field],
        message: `${JSON.stringify(value)} is already taken`,
      });
    }
  };
}
