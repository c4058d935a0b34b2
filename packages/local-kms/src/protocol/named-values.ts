import { z } from 'zod';

/**
 * An object of any names with values of one schema. Refuses the name `__proto__`, which a record of zod drops without a
 * word: with it a constraint or a denial would be gone.
 */
export function namedValues<Name extends z.core.$ZodRecordKey, Value extends z.core.$ZodType>(
  name: Name,
  value: Value,
) {
  return z
    .unknown()
    .refine(
      (named) => typeof named !== 'object' || named === null || !Object.hasOwn(named, '__proto__'),
      'must not have the name __proto__',
    )
    .pipe(z.record(name, value));
}
