import type { BranchKeyMaterials, DecryptionMaterials, EncryptionMaterials } from '../materials.ts';

/** What a cache can hold. */
export type CachedMaterials =
  | { readonly kind: 'encryption'; readonly materials: EncryptionMaterials }
  | { readonly kind: 'decryption'; readonly materials: DecryptionMaterials }
  | { readonly kind: 'branch-key'; readonly materials: BranchKeyMaterials };

/** Cached materials and how much they were used. Whoever uses them counts it here. */
export interface CacheEntry {
  readonly cached: CachedMaterials;
  /** When they were loaded, in milliseconds of the monotonic clock. */
  readonly createdAtMs: number;
  /** Messages written. */
  messages: number;
  /** Plaintext bytes in these messages. */
  bytes: number;
}

/** What a caller wants from a cache. */
export interface CacheRequest<T> {
  /** The identity of the materials: everything that they depend on. */
  readonly id: string;
  /** Milliseconds that materials may be used; they may be older than this if others loaded them. */
  readonly ttlMs: number;
  /**
   * Provides new materials. Runs once for all who want the same id at the same time, though a cache may try again beside
   * one that takes too long; failures are not kept.
   */
  readonly load: () => Promise<CachedMaterials>;
  /**
   * Counts one use, and takes from the entry what the caller wants; a key must be copied or used here, for it is
   * wiped when the entry goes. `undefined` for an entry that is used up.
   */
  readonly use: (entry: CacheEntry) => T | undefined;
  /** Stops this caller's waiting. The load goes on for the others. */
  readonly signal?: AbortSignal;
}

/** How a cache has been doing since it was made. */
export interface CacheCounters {
  /** Requests that found usable materials. */
  readonly hits: number;
  /** Requests that had to wait for a load, their own or one under way. */
  readonly misses: number;
  /** Calls of `load`. */
  readonly loads: number;
  /** Entries dropped for lack of room. */
  readonly evictions: number;
}

/**
 * A store of cryptographic materials that several CMMs and keyrings may share.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/cryptographic-materials-cache.md
 */
export interface MaterialsCache {
  /**
   * What `use` takes from the materials with this id, from the store or loaded.
   * Rejects with the failure of the load, or the signal's reason.
   */
  fetch<T>(request: CacheRequest<T>): Promise<T>;
  /**
   * Drops all materials, and wipes them: what is handed out from now on is loaded from now on. Whoever waits for a load
   * waits for another one.
   */
  clear(): void;
  counters(): CacheCounters;
}
