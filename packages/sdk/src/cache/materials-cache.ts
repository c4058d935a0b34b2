import type { BranchKeyMaterials, DecryptionMaterials, EncryptionMaterials } from '../materials.ts';

/** What a cache can hold. */
export type CachedMaterials =
  | { readonly kind: 'encryption'; readonly materials: EncryptionMaterials }
  | { readonly kind: 'decryption'; readonly materials: DecryptionMaterials }
  | { readonly kind: 'branch-key'; readonly materials: BranchKeyMaterials };

/** Cached materials and how much they were used. Every user adds its own use to the counts. */
export interface CacheEntry {
  readonly cached: CachedMaterials;
  /**
   * When they were loaded, in milliseconds of the monotonic clock. A cache may move it back by time for which the
   * machine has slept, as the caches of this package do.
   */
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
  /**
   * Milliseconds for which materials may be used if this request loads them, more than 0. Materials that others loaded
   * may be older.
   */
  readonly ttlMs: number;
  /**
   * Provides new materials. Called once for all callers that want the same id at the same time, though a cache may
   * start another call beside one that takes too long. Failures are not cached.
   */
  readonly load: () => Promise<CachedMaterials>;
  /**
   * Counts one use, and returns what the caller wants from the entry, or `undefined` if the entry is used up. A key
   * must be copied or used inside this call, because it is wiped when the entry is dropped.
   */
  readonly use: (entry: CacheEntry) => T | undefined;
  /** Ends the wait of this caller. The load goes on for the others. */
  readonly signal?: AbortSignal;
}

/** Counts of a cache since it was created. */
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
   * Resolves to what `use` returns for the materials with this id, cached or loaded. Rejects with the failure of the
   * load, with what `use` throws, with the signal's reason, or with RangeError for a time that is no positive number.
   */
  fetch<T>(request: CacheRequest<T>): Promise<T>;
  /**
   * Drops and wipes all materials: from now on only materials that are loaded from now on are handed out. Callers that
   * wait for a load wait for another one.
   */
  clear(): void;
  counters(): CacheCounters;
}
