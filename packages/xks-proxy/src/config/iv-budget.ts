import { z } from 'zod';
import type { Files } from './files.ts';

/** How many messages one generation of a key may encrypt, and what happens then. */
export interface IvBudgetConfig {
  /** Absolute path of the folder in which counts outlive the process; undefined to count from each start anew. */
  readonly stateDirectory: string | undefined;
  /** With random initialization vectors of 12 bytes no more than 2^32 (NIST SP 800-38D, 8.3). */
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
