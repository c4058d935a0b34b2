export { type LocalCacheOptions, localCache } from './cache/local-cache.ts';
export { type StormTrackingCacheOptions, stormTrackingCache } from './cache/storm-tracking-cache.ts';
export { type CachingCmmOptions, cachingCmm } from './caching-cmm.ts';
export {
  type DecryptOptions,
  type DecryptResult,
  type EncryptionClient,
  type EncryptionClientOptions,
  type EncryptOptions,
  type EncryptResult,
  encryptionClient,
  type MaterialsSource,
} from './client.ts';
export type { CommitmentPolicy } from './commitment-policy.ts';
export type { EncryptionContext } from './context.ts';
export { EncryptionSdkError, type EncryptionSdkErrorCode } from './errors.ts';
export type { MessageHeader } from './format/header.ts';
export { inspectUnauthenticated } from './inspect.ts';
export type { EncryptedDataKey, Keyring } from './keyring.ts';
export {
  type RequiredEncryptionContextCmmOptions,
  requiredEncryptionContextCmm,
} from './required-context-cmm.ts';
export type { AlgorithmSuite, AlgorithmSuiteId } from './suites.ts';
