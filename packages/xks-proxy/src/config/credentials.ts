import { z } from 'zod';
import type { Files } from './files.ts';
import { INSTANT } from './instant.ts';

/** A table of credentials: `[[stores.credentials]]`, or `[[credentials]]` of a store's `credentials_file`. */
export function credentialsSchema(files: Files) {
  return z
    .array(
      z
        .strictObject({
          access_key_id: z.string().regex(ACCESS_KEY_ID, 'must be 20 to 30 characters of A-Z and 2-7'),
          secret_access_key_file: files.secret(
            'secret access key',
            SECRET_ACCESS_KEY,
            '43 to 64 characters of A-Z, a-z, 0-9, +, / and =',
          ),
          created: INSTANT.optional(),
        })
        .transform((row) => ({
          accessKeyId: row.access_key_id,
          secretAccessKey: row.secret_access_key_file,
          createdAt: row.created && new Date(row.created),
        })),
    )
    .default([]);
}

// XKS API v1, "Console configuration" and Appendix A.
const ACCESS_KEY_ID = /^[A-Z2-7]{20,30}$/;
const SECRET_ACCESS_KEY = /^[A-Za-z0-9+/=]{43,64}$/;
