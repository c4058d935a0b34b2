import { z } from 'zod';
import type { Files } from './files.ts';

/** The number of messages that one generation of a key may encrypt, and what happens at the limit. */
export interface IvBudgetConfig {
  /** Absolute path of the folder in which counts outlive the process; undefined to count anew from each start. */
  readonly stateDirectory: string | undefined;
  /** At most 2^32 with random initialization vectors of 12 bytes (NIST SP 800-38D, 8.3). */
  readonly limit: number;
  readonly atLimit: 'refuse' | 'rotate';
}

/** `[iv_budget]`. */
export function ivBudgetSchema(files: Files) {
  return z
    .strictObject({
      state_dir: files.path().optional(),
      limit: z
        .int()
        .min(1)
        .max(2 ** 32)
        .default(2 ** 32),
      at_limit: z.enum(['refuse', 'rotate']).default('refuse'),
    })
    .transform(
      (row): IvBudgetConfig => ({ stateDirectory: row.state_dir, limit: row.limit, atLimit: row.at_limit }),
    );
}
