// For authors of keyrings and cryptographic materials managers.
import type { AesGcmKey as MessageKey } from './crypto/provider.ts';

export { aesGcmKey, constantTimeEqual, hmac, randomBytes } from '#crypto';
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
export type { EncryptedDataKey } from './encrypted-data-key.ts';
export type { Keyring } from './keyring.ts';
export type { BranchKeyMaterials, DecryptionMaterials, EncryptionMaterials } from './materials.ts';
export { type AlgorithmSuite, type AlgorithmSuiteId, suiteById } from './suites.ts';

/**
 * An AES key that the runtime keeps, for GCM with 12-byte IVs and 16-byte tags. Has what it takes to wrap other keys.
 */
export type AesGcmKey = Pick<MessageKey, 'seal' | 'open'>;
