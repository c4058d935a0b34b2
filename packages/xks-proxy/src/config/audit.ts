import { z } from 'zod';
import type { AuditChainOptions } from '../audit/chain.ts';
import type { Files } from './files.ts';
import { NAME } from './names.ts';

/** Where and how the audit trail is written. */
export interface AuditConfig extends AuditChainOptions {
  /** Whether a request whose record cannot be written is refused. */
  readonly required: boolean;
  /** When a record is written to the disk itself: before the answer, within a second, or when the system does it. */
  readonly fsync: 'always' | 'interval' | 'never';
}

/** `[audit]`: a chain of records, one for each request; without the section there is none. */
export function auditSchema(files: Files) {
  return z
    .strictObject({
      directory: files.path(),
      chain: NAME.default('audit'),
      required: z.boolean().default(false),
      fsync: z.enum(['always', 'interval', 'never']).optional(),
      max_file_bytes: z
        .int()
        .min(4096)
        .max(2 ** 31)
        .default(64 * 2 ** 20),
    })
    .transform(({ max_file_bytes: maxFileBytes, fsync, ...row }): AuditConfig => {
      // A required record has to survive a loss of power too, unless the configuration says otherwise.
      return { ...row, maxFileBytes, fsync: fsync ?? (row.required ? 'always' : 'interval') };
    });
}
