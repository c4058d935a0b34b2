// For authors of keyrings and cryptographic materials managers.
import * as runtime from '#crypto';
import type { AesGcmKey as MessageKey } from './crypto/provider.ts';
import type { Hash } from './suites.ts';

export { isBytes, secretBytes } from './bytes.ts';
export { localCache } from './cache/local-cache.ts';
export type {
  CacheCounters,
  CachedMaterials,
  CacheEntry,
  CacheRequest,
  MaterialsCache,
} from './cache/materials-cache.ts';
export type {
  CryptographicMaterialsManager,
  DecryptionMaterialsRequest,
  EncryptionMaterialsRequest,
} from './cmm/cmm.ts';
export { defaultCmm } from './cmm/default.ts';
export type { CommitmentPolicy } from './commitment-policy.ts';
export { contextBytes, type EncryptionContext } from './context.ts';
export type { Awaitable, Signer, SigningKey, VerificationKey, Verifier } from './crypto/provider.ts';
export type { EncryptedDataKey } from './encrypted-data-key.ts';
export type { Keyring } from './keyring.ts';
export type { BranchKeyMaterials, DecryptionMaterials, EncryptionMaterials } from './materials.ts';
export { type AlgorithmSuite, type AlgorithmSuiteId, type Curve, type Hash, suiteById } from './suites.ts';

/**
 * An AES key that the runtime keeps, for GCM with 12-byte IVs and 16-byte tags. Has what it takes to wrap other keys.
 */
export type AesGcmKey = Pick<MessageKey, 'seal' | 'open'>;

/**
 * Imports an AES key of 16, 24 or 32 bytes. The bytes are copied before the function returns: the caller may wipe them
 * at once. Rejects with RangeError for another length.
 *
 * @example
 * const key = await aesGcmKey(wrappingKey);
 * const sealed = new Uint8Array(dataKey.length + 16);
 * await key.seal(iv, aad, dataKey, sealed);
 */
export async function aesGcmKey(key: Uint8Array): Promise<AesGcmKey> {
  return runtime.aesGcmKey(key);
}

/**
 * HMAC of the concatenated parts, under a key of any length, as RFC 2104 defines it. Key and parts are read before the
 * function returns: the caller may change or wipe them at once. The result is as long as the hash.
 */
export async function hmac(hash: Hash, key: Uint8Array, ...parts: Uint8Array[]): Promise<Uint8Array> {
  return runtime.hmac(hash, key, ...parts);
}

/** True if both arrays hold the same bytes. The time that this takes depends on their lengths alone. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return runtime.constantTimeEqual(a, b);
}

/**
 * `length` bytes from the system's cryptographically secure random generator, in memory of their own.
 *
 * @throws RangeError for a length that is no integer or negative
 */
export function randomBytes(length: number): Uint8Array {
  return runtime.randomBytes(length);
}
