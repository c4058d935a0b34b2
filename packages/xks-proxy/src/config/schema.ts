import { z } from 'zod';
import { adminSchema } from './admin.ts';
import { auditSchema } from './audit.ts';
import type { Files } from './files.ts';
import { ivBudgetSchema } from './iv-budget.ts';
import { unique } from './names.ts';
import { redisSchema } from './quota.ts';
import { serverSchema } from './server.ts';
import { storeSchema } from './stores.ts';
import { tokenSchema } from './tokens.ts';

/** The schema of the configuration file. */
export function configSchema(files: Files) {
  return z
    .strictObject({
      server: serverSchema(files),
      tokens: z
        .array(tokenSchema(files))
        .min(1)
        // KMS accepts no more in the answer to GetHealthStatus.
        .max(10)
        .superRefine(unique('name', (row) => row.name)),
      health: health.prefault({}),
      iv_budget: ivBudgetSchema(files).prefault({}),
      admin: adminSchema.optional(),
      audit: auditSchema(files).optional(),
      redis: redisSchema(files).optional(),
      stores: z
        .array(storeSchema(files))
        .min(1)
        .superRefine(unique('name', (row) => row.name))
        .superRefine(unique('path_prefix', (row) => row.pathPrefix)),
    })
    .superRefine(uniqueAccessKeyIds)
    .superRefine(knownTokens)
    .superRefine(placeForSharedQuotas)
    .transform(({ iv_budget: ivBudget, ...sections }) => ({ ...sections, ivBudget }));
}

const health = z
  .strictObject({
    fleet_size: z.int().min(1).default(1),
    proxy_vendor: z.string().min(1).optional(),
    proxy_model: z.string().min(1).optional(),
    ekm_vendor: z.string().min(1).optional(),
    ekm_model: z.string().min(1).optional(),
  })
  .transform((row) => ({
    fleetSize: row.fleet_size,
    proxyVendor: row.proxy_vendor,
    proxyModel: row.proxy_model,
    ekmVendor: row.ekm_vendor,
    ekmModel: row.ekm_model,
  }));

/** An access key id selects one secret on the whole proxy (XKS API v1, Appendix A). */
function uniqueAccessKeyIds(
  { stores }: { stores: readonly { credentials: readonly { accessKeyId: string }[] }[] },
  context: z.RefinementCtx,
): void {
  const seen = new Set<string>();
  for (const [storeIndex, { credentials }] of stores.entries()) {
    for (const [index, { accessKeyId }] of credentials.entries()) {
      if (seen.has(accessKeyId)) {
        const path = ['stores', storeIndex, 'credentials', index, 'access_key_id'];
        context.addIssue({ code: 'custom', path, message: 'is already taken' });
      }
      seen.add(accessKeyId);
    }
  }
}

/** A key may name only tokens of the configuration. */
function knownTokens(
  {
    tokens,
    stores,
  }: {
    tokens: readonly { name: string }[];
    stores: readonly { keys: readonly { tokens: readonly string[] | undefined }[] }[];
  },
  context: z.RefinementCtx,
): void {
  const names = new Set(tokens.map(({ name }) => name));
  for (const [storeIndex, { keys }] of stores.entries()) {
    for (const [index, key] of keys.entries()) {
      const unknown = key.tokens?.find((name) => !names.has(name));
      if (unknown === undefined) continue;
      const path = ['stores', storeIndex, 'keys', index, 'tokens'];
      context.addIssue({ code: 'custom', path, message: `there is no token ${JSON.stringify(unknown)}` });
    }
  }
}

/** A shared quota needs a server to be counted on. */
function placeForSharedQuotas(
  {
    redis,
    stores,
  }: { redis?: unknown; stores: readonly { quota?: { readonly isShared: boolean } | undefined }[] },
  context: z.RefinementCtx,
): void {
  if (redis !== undefined) return;
  for (const [index, { quota }] of stores.entries()) {
    if (quota?.isShared !== true) continue;
    const path = ['stores', index, 'quota', 'shared'];
    context.addIssue({ code: 'custom', path, message: 'wants a section [redis]' });
  }
}
