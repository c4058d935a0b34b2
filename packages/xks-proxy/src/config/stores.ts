import { z } from 'zod';
import { MAX_TARGET_CHARACTERS } from '../http/request-path.ts';
import { ALLOW_ALL } from '../policy/policy.ts';
import { cedarPolicyFile } from './cedar-policy.ts';
import { credentialsSchema } from './credentials.ts';
import type { Files } from './files.ts';
import { keysSchema } from './keys.ts';
import { keysFileSchema } from './keys-document.ts';
import { NAME, unique } from './names.ts';
import { policySchema } from './policy.ts';
import { quotaSchema } from './quota.ts';

/** The prefixes that AWS KMS may put before `/kms/xks/v1`. */
export const PATH_PREFIX = /^(?:\/[A-Za-z0-9_-]+)*$/;

/** A row of `[[stores]]`: one external key store, its callers and its keys. */
export function storeSchema(files: Files) {
  return z
    .strictObject({
      name: NAME,
      // With /kms/xks/v1 it is the path that KMS is given, which has 128 characters at most.
      path_prefix: z
        .string()
        .max(117)
        .regex(PATH_PREFIX, 'must be empty, or segments of A-Z, a-z, 0-9, _ and - that each start with /'),
      regions: z.array(z.string().regex(/^[a-z]{2,}(?:-[a-z]+)+-\d+$/, 'must be an AWS region')).min(1),
      credentials: credentialsSchema(files),
      credentials_file: files
        .toml('credentials file', z.strictObject({ credentials: credentialsSchema(files) }))
        .optional(),
      policy: policySchema.optional(),
      policy_file: files.toml('policy file', policySchema).optional(),
      cedar_policy_file: cedarPolicyFile(files).optional(),
      quota: quotaSchema.optional(),
      keys: keysSchema(),
      keys_file: files.toml('keys file', keysFileSchema).optional(),
    })
    .transform(
      ({ path_prefix: pathPrefix, keys_file, credentials_file, policy_file, ...others }, context) => {
        const { cedar_policy_file, ...row } = others;
        const policies = [row.policy, policy_file?.content, cedar_policy_file].filter(isGiven);
        if (policies.length > 1)
          context.addIssue('give only one of policy, policy_file and cedar_policy_file');
        const [policy = ALLOW_ALL] = policies;
        const store = {
          ...row,
          policy,
          quota: row.quota,
          pathPrefix,
          credentials: [...row.credentials, ...(credentials_file?.content.credentials ?? [])],
          credentialsFile: credentials_file?.path,
          keys: [...row.keys, ...(keys_file?.content.keys ?? [])],
          keysFile: keys_file?.path,
        };
        if (store.credentials.length === 0) {
          context.addIssue({ code: 'custom', path: ['credentials'], message: 'there must be one at least' });
        }
        unique<(typeof store.keys)[number]>('external_key_id', (key) => key.externalKeyId)(store.keys, {
          ...context,
          addIssue: (issue) =>
            context.addIssue(
              typeof issue === 'string' ? issue : { ...issue, path: ['keys', ...(issue.path ?? [])] },
            ),
        });
        refuseLongPaths(store, context);
        return store;
      },
    );
}

/** Refuses paths over 256 characters: KMS sends none, and the proxy takes none (XKS API v1, "API operations"). */
function refuseLongPaths(
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

const isGiven = <T>(value: T | undefined): value is T => value !== undefined;
