export { type LocalCacheOptions, localCache } from './cache/local-cache.ts';
export { type StormTrackingCacheOptions, stormTrackingCache } from './cache/storm-tracking-cache.ts';
export type { ChunkTransform, DecryptorOptions, EncryptorOptions } from './chunks.ts';
export { type EncryptionClient, type EncryptResult, encryptionClient } from './client.ts';
export { type CachingCmmOptions, cachingCmm } from './cmm/caching.ts';
export {
  type RequiredEncryptionContextCmmOptions,
  requiredEncryptionContextCmm,
} from './cmm/required-context.ts';
export type { MaterialsSource } from './cmm/source.ts';
export type { CommitmentPolicy } from './commitment-policy.ts';
export type { EncryptionContext } from './context.ts';
export type { AuthenticHeader } from './decrypt.ts';
export { type DecryptionClient, type DecryptResult, decryptionClient } from './decryption-client.ts';
export type { EncryptedDataKey } from './encrypted-data-key.ts';
export { EncryptionSdkError, type EncryptionSdkErrorCode } from './errors.ts';
export type { MessageHeader } from './format/header.ts';
export { inspectUnauthenticated } from './inspect.ts';
export type { Keyring } from './keyring.ts';
export type { ClientOptions, DecryptOptions, EncryptOptions } from './options.ts';
export { iterate, transformStream } from './stream.ts';
export type { AlgorithmSuite, AlgorithmSuiteId } from './suites.ts';
