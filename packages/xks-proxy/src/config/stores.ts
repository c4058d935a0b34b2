import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';
import { MAX_TARGET_CHARACTERS } from '../http/request-path.ts';
import { ALLOW_ALL } from '../policy/policy.ts';
import type { Files } from './files.ts';
import { keysSchema } from './keys.ts';
import { NAME, unique } from './names.ts';
import { policySchema } from './policy.ts';

/** A row of `[[stores]]`: one external key store, its callers and its keys. */
export function storeSchema(files: Files) {
  return z
    .strictObject({
      name: NAME,
      // With /kms/xks/v1 it is the path that KMS is given, of 128 characters at most.
      path_prefix: z
        .string()
        .max(117)
        .regex(
          /^(?:\/[A-Za-z0-9_-]+)*$/,
          'must be empty, or segments of A-Z, a-z, 0-9, _ and - that each start with /',
        ),
      regions: z.array(z.string().regex(/^[a-z]{2,}(?:-[a-z]+)+-\d+$/, 'must be an AWS region')).min(1),
      credentials: z.array(credentialSchema(files)).min(1),
      policy: policySchema.optional(),
      keys: keysSchema(),
      keys_file: keysFile(files).default([]),
    })
    .transform(({ path_prefix: pathPrefix, keys, keys_file, ...row }, context) => {
      const { policy = ALLOW_ALL } = row;
      const store = { ...row, policy, pathPrefix, keys: [...keys, ...keys_file] };
      unique<(typeof keys)[number]>('external_key_id', (key) => key.externalKeyId)(store.keys, {
        ...context,
        addIssue: (issue) =>
          context.addIssue(
            typeof issue === 'string' ? issue : { ...issue, path: ['keys', ...(issue.path ?? [])] },
          ),
      });
      longestPaths(store, context);
      return store;
    });
}

function credentialSchema(files: Files) {
  return z
    .strictObject({
      access_key_id: z.string().regex(/^[A-Z2-7]{20,30}$/, 'must be 20 to 30 characters of A-Z and 2-7'),
      secret_access_key_file: files.secret(
        'secret access key',
        /^[A-Za-z0-9+/=]{43,64}$/,
        '43 to 64 characters of A-Z, a-z, 0-9, +, / and =',
      ),
    })
    .transform((row) => ({ accessKeyId: row.access_key_id, secretAccessKey: row.secret_access_key_file }));
}

/** Keys in a file of their own, which the command line keeps. */
function keysFile(files: Files) {
  return files
    .text('keys file')
    .transform((text, context): unknown => {
      try {
        return parseToml(text);
      } catch {
        context.addIssue('the keys file is not valid TOML');
        return z.NEVER;
      }
    })
    .pipe(z.strictObject({ keys: keysSchema() }))
    .transform(({ keys }) => keys);
}

/** KMS sends no URI over 256 characters, and the proxy takes none (XKS API v1, "API operations"). */
function longestPaths(
  { pathPrefix, keys }: { pathPrefix: string; keys: readonly { externalKeyId: string }[] },
  context: z.RefinementCtx,
): void {
  for (const [index, { externalKeyId }] of keys.entries()) {
    const path = `${pathPrefix}/kms/xks/v1/keys/${externalKeyId}/metadata`;
    if (path.length <= MAX_TARGET_CHARACTERS) continue;
    const message = `with the path prefix it makes a URI of more than ${MAX_TARGET_CHARACTERS} characters`;
    context.addIssue({ code: 'custom', path: ['keys', index, 'external_key_id'], message });
  }
}
