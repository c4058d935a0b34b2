import { z } from 'zod';
import type { Files } from './files.ts';
import { NAME } from './names.ts';

/** A row of `[[tokens]]`: one PKCS#11 token, and how it is used. */
export function tokenSchema(files: Files) {
  return z
    .strictObject({
      name: NAME.optional(),
      module: files.path(),
      label: z
        .string()
        .min(1)
        .refine((text) => Buffer.byteLength(text) <= 32, 'must be no more than 32 bytes of UTF-8')
        .optional(),
      serial: z.string().min(1).max(16).optional(),
      pin_file: files.secret('PIN', /^[^\r\n]{1,255}$/, 'one line of text'),
      max_sessions: z.int().min(1).max(1024).default(16),
      calls: z.enum(['auto', 'inline', 'threadpool', 'worker']).default('auto'),
      iv: z.enum(['supplied', 'written', 'appended']).default('supplied'),
      health_key_label: z.string().min(1).optional(),
      cluster: NAME.optional(),
    })
    .transform(({ module, label, serial, pin_file: pin, calls, ...row }, context) => {
      if ((label === undefined) === (serial === undefined)) context.addIssue('give either label or serial');
      const selector = serial === undefined ? { label: label ?? '' } : { serial };
      return {
        name: row.name ?? serial ?? label ?? '',
        module,
        selector,
        pin,
        calls,
        iv: row.iv,
        maxSessions: row.max_sessions,
        healthKeyLabel: row.health_key_label,
        cluster: row.cluster,
      };
    });
}
