import { createHash } from 'node:crypto';
import {
  type BranchKeyMaterials,
  type CachedMaterials,
  isBytes,
  type MaterialsCache,
  secretBytes,
} from '@holdfast/sdk/spi';
import { KeyringError } from '../errors.ts';
import { callKeyService, type KeyServiceFailures } from '../key-service.ts';
import type { BranchKeySource } from './branch-key-source.ts';
import { isUuid } from './record.ts';

/** Branch keys by way of a cache. Every call answers a key in memory of its own, for the caller to wipe. */
export type CachedBranchKeys = Pick<BranchKeySource, 'activeBranchKey' | 'branchKeyVersion'>;

/** What {@link cachedBranchKeys} needs. */
export interface CachedBranchKeysOptions {
  readonly keyStore: BranchKeySource;
  readonly cache: MaterialsCache;
  /** Milliseconds that a branch key may be used, whoever put it into the cache. */
  readonly ttlMs: number;
  /** Keeps apart what must not be shared. */
  readonly partition: Uint8Array;
}

/**
 * Asks the key store for what the cache does not have. All who want the same key at the same time share one call;
 * failures are not kept. Rejects with `KeyringError`.
 */
export function cachedBranchKeys({
  keyStore,
  cache,
  ttlMs,
  partition,
}: CachedBranchKeysOptions): CachedBranchKeys {
  const owner = [Uint8Array.of(HIERARCHICAL_KEYRING), partition, utf8(keyStore.logicalKeyStoreName)];
  const fetch = (
    scope: number,
    wanted: Wanted,
    load: () => Promise<BranchKeyMaterials>,
  ): Promise<BranchKeyMaterials> =>
    callKeyService(BRANCH_KEY_STORE_FAILURES, () =>
      cache.fetch({
        id: identity(Uint8Array.of(scope), ...owner, ...namesOf(wanted)),
        ttlMs,
        load: async () => ({ kind: 'branch-key', materials: checkMaterials(await load(), wanted) }),
        // Another keyring on the same cache may want its keys to live longer.
        use: ({ cached, createdAtMs }) =>
          performance.now() - createdAtMs < ttlMs ? copyOf(cached) : undefined,
      }),
    );
  return {
    activeBranchKey: (branchKeyId) =>
      fetch(ENCRYPT, { branchKeyId }, () => keyStore.activeBranchKey(branchKeyId)),
    branchKeyVersion: (branchKeyId, version) =>
      fetch(DECRYPT, { branchKeyId, version }, () => keyStore.branchKeyVersion(branchKeyId, version)),
  };
}

/** What a key store is asked for: the active version, or a certain one. */
interface Wanted {
  readonly branchKeyId: string;
  readonly version?: string;
}

function namesOf({ branchKeyId, version }: Wanted): readonly Uint8Array[] {
  return version === undefined ? [utf8(branchKeyId)] : [utf8(branchKeyId), utf8(version)];
}

/** A key store of the application's own may answer with anything. */
function checkMaterials(
  materials: BranchKeyMaterials | undefined,
  { branchKeyId, version }: Wanted,
): BranchKeyMaterials {
  if (isBytes(materials?.branchKey)) {
    const { branchKey, branchKeyVersion } = materials;
    const isWanted =
      materials.branchKeyId === branchKeyId && (version ?? branchKeyVersion) === branchKeyVersion;
    if (isWanted && branchKey.length === 32 && isUuid(branchKeyVersion)) return materials;
    branchKey.fill(0);
  }
  throw new KeyringError('BRANCH_KEY_INVALID', 'the key store answered with another branch key, or none');
}

/** The cache wipes its own when the entry goes. */
function copyOf(cached: CachedMaterials): BranchKeyMaterials {
  if (cached.kind !== 'branch-key') {
    throw new KeyringError('BRANCH_KEY_INVALID', 'the cache holds other materials under this identity');
  }
  const branchKey = secretBytes(cached.materials.branchKey.length);
  branchKey.set(cached.materials.branchKey);
  return { ...cached.materials, branchKey };
}

/**
 * The fields of the specification's formulas. Each stands behind its length: joined by zero bytes, as there, one
 * could pass for two.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-hierarchical-keyring.md#appendix-a-cache-entry-identifier-formulas
 */
function identity(...fields: readonly Uint8Array[]): string {
  const hash = createHash('sha384');
  for (const field of fields) hash.update(`${field.length}:`).update(field);
  return hash.digest('base64');
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What is no `KeyringError`, such as that of a cache for a load that takes too long, says nothing about a data key. */
const BRANCH_KEY_STORE_FAILURES: KeyServiceFailures = {
  keyService: 'branch key store',
  isOutage: () => true,
};
const HIERARCHICAL_KEYRING = 2;
const ENCRYPT = 1;
const DECRYPT = 2;
