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

/** Branch keys by way of a cache. Every call resolves to a key in memory of its own, for the caller to wipe. */
export type CachedBranchKeys = Pick<BranchKeySource, 'activeBranchKey' | 'branchKeyVersion'>;

/** What {@link cachedBranchKeys} needs. */
export interface CachedBranchKeysOptions {
  readonly keyStore: BranchKeySource;
  readonly cache: MaterialsCache;
  /** Milliseconds that a branch key may be used, whichever keyring put it into the cache. */
  readonly ttlMs: number;
  /** Keeps apart what must not be shared. */
  readonly partition: Uint8Array;
}

/**
 * Asks the key store for what the cache does not have. Concurrent calls for the same key share one request; failures are
 * not cached. Rejects with `KeyringError`.
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

/** A request to a key store: for the active version, or for a given one. */
interface Wanted {
  readonly branchKeyId: string;
  readonly version?: string;
}

function namesOf({ branchKeyId, version }: Wanted): readonly Uint8Array[] {
  return version === undefined ? [utf8(branchKeyId)] : [utf8(branchKeyId), utf8(version)];
}

/** A key store that the application provides may return anything. */
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
 * The fields of the specification's formulas, each preceded by its length: joined by zero bytes, as the specification has
 * them, one field could pass for two.
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

/** An error other than `KeyringError`, such as that of a cache for a load that takes too long, says nothing about a data key. */
const BRANCH_KEY_STORE_FAILURES: KeyServiceFailures = {
  keyService: 'branch key store',
  isOutage: () => true,
};
const HIERARCHICAL_KEYRING = 2;
const ENCRYPT = 1;
const DECRYPT = 2;
