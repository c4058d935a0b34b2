import { encodeBase64, randomBytes } from '#crypto';
import { compareBytes, secretBytes, utf8 } from '../bytes.ts';
import type { CacheEntry, MaterialsCache } from '../cache/materials-cache.ts';
import { assertMayDecrypt, assertMayEncrypt, type CommitmentPolicy } from '../commitment-policy.ts';
import { canonicalBytes } from '../context.ts';
import type { EncryptedDataKey } from '../encrypted-data-key.ts';
import { EncryptionSdkError } from '../errors.ts';
import { ByteWriter } from '../format/byte-writer.ts';
import {
  assertDecryptionMaterials,
  assertEncryptionMaterials,
  type DecryptionMaterials,
  type EncryptionMaterials,
} from '../materials.ts';
import type { AlgorithmSuite } from '../suites.ts';
import type {
  CryptographicMaterialsManager,
  DecryptionMaterialsRequest,
  EncryptionMaterialsRequest,
} from './cmm.ts';
import { type MaterialsSource, materialsManager } from './source.ts';

/** Options of {@link cachingCmm}: a cache, limits, and what provides the materials. */
export type CachingCmmOptions = MaterialsSource & {
  readonly cache: MaterialsCache;
  /** Milliseconds for which materials may be used, 1 or more. */
  readonly ttlMs: number;
  /** CMMs with the same partition on the same cache share materials. Default: a random one, which no other CMM has. */
  readonly partitionId?: string;
  /** Most messages written with one data key, 1 to 2^32. Default 2^32. */
  readonly maxMessages?: number;
  /** Most plaintext bytes written with one data key, 0 or more. Default 2^53 - 1. */
  readonly maxBytes?: number;
};

/**
 * A CMM that uses data keys more than once: fewer calls to the key service, at the price of several messages under one
 * data key. Each message has a content key of its own, but messages of signing suites share one signing key.
 *
 * Materials are shared only if everything that they depend on is the same: partition, commitment policy, suite if the
 * caller named one, encryption context and required keys; for decryption, reproduced context and encrypted data keys
 * too. The policy is checked again whenever materials are taken out. Materials are not cached for plaintexts of unknown
 * length, for plaintexts of which no two may share a data key by `maxMessages` or `maxBytes`, and for suites without
 * key derivation. If the underlying CMM chooses such a suite by itself, the request fails with `MATERIALS_INVALID`.
 *
 * @throws RangeError for limits out of range
 * @throws TypeError without a cache, for a partition id that is no text or has lone surrogates, or unless there is exactly
 * one source of materials
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/caching-cmm.md
 * @example
 * const cmm = cachingCmm({ keyring, cache: localCache({ capacity: 100 }), ttlMs: 60_000, maxMessages: 1000 });
 * await client.encrypt(plaintext, { cmm });
 */
export function cachingCmm(options: CachingCmmOptions): CryptographicMaterialsManager {
  const { cache, ttlMs, maxMessages = 2 ** 32, maxBytes = Number.MAX_SAFE_INTEGER } = options ?? {};
  if (typeof cache?.fetch !== 'function') throw new TypeError('cache: expected a MaterialsCache');
  // With a shorter life, materials could have ended before the caller that asked for them resumes.
  if (typeof ttlMs !== 'number' || !(ttlMs >= 1)) throw new RangeError('ttlMs: expected 1 or more');
  if (!Number.isInteger(maxMessages) || maxMessages < 1 || maxMessages > 2 ** 32) {
    throw new RangeError('maxMessages: expected an integer from 1 to 2^32');
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new RangeError('maxBytes: expected an integer, 0 or more');
  }
  const { partitionId } = options;
  if (partitionId !== undefined && !(typeof partitionId === 'string' && partitionId.isWellFormed())) {
    throw new TypeError('partitionId: expected a text without lone surrogates');
  }
  const underlying = materialsManager(options);
  const partition = partitionId === undefined ? randomBytes(16) : utf8(partitionId);
  // The CMM that loaded an entry may have a longer TTL.
  const isFresh = ({ createdAtMs }: CacheEntry): boolean => performance.now() - createdAtMs < ttlMs;
  // If no two messages may share a data key, the cache would only make callers wait for each other in turn.
  const isShared = (length: number): boolean => maxMessages > 1 && 2 * length <= maxBytes;

  return {
    async encryptionMaterials(request) {
      const { commitmentPolicy, suite, maxPlaintextLength: length, signal } = request;
      if (suite !== undefined) assertMayEncrypt(commitmentPolicy, suite);
      if (!isCacheable(suite) || length === undefined || !isShared(length)) {
        return underlying.encryptionMaterials(request);
      }
      return cache.fetch({
        id: encryptionIdentity(partition, request),
        ttlMs,
        async load() {
          // Length and signal are this caller's alone, and others will use the materials too.
          const { maxPlaintextLength: _, signal: __, ...shared } = request;
          const materials = await underlying.encryptionMaterials(shared);
          return {
            kind: 'encryption',
            materials: wipedUnless(materials, () => {
              assertMayBeUsed(materials, request);
              assertEncryptionMaterials(materials, suite);
            }),
          };
        },
        use(entry) {
          if (!isFresh(entry) || entry.messages >= maxMessages || entry.bytes + length > maxBytes) {
            return undefined;
          }
          if (entry.cached.kind !== 'encryption') throw foreignEntry();
          entry.messages += 1;
          entry.bytes += length;
          const { materials } = entry.cached;
          wipedUnless(materials, () => assertMayBeUsed(materials, request));
          const encryptedDataKeys = materials.encryptedDataKeys.map(copyOfEncryptedDataKey);
          return withOwnDataKey({ ...materials, encryptedDataKeys });
        },
        ...(signal && { signal }),
      });
    },
    async decryptionMaterials(request) {
      const { suite, signal } = request;
      assertMayDecrypt(request.commitmentPolicy, suite);
      if (!isCacheable(suite)) return underlying.decryptionMaterials(request);
      return cache.fetch({
        id: decryptionIdentity(partition, request),
        ttlMs,
        async load() {
          const { signal: _, ...shared } = request;
          const materials = await underlying.decryptionMaterials(shared);
          return {
            kind: 'decryption',
            materials: wipedUnless(materials, () => assertDecryptionMaterials(materials, suite)),
          };
        },
        use(entry) {
          if (!isFresh(entry)) return undefined;
          if (entry.cached.kind !== 'decryption') throw foreignEntry();
          const { materials } = entry.cached;
          return withOwnDataKey(wipedUnless(materials, () => assertSuite(materials, suite)));
        },
        ...(signal && { signal }),
      });
    },
  };
}

/**
 * Without key derivation, two messages under one data key would have one content key. A suite that the CMM chooses is
 * checked once it is known.
 */
function isCacheable(suite: AlgorithmSuite | undefined): boolean {
  return suite?.derivation.kind !== 'identity';
}

/** Returns the materials if they pass the check; otherwise wipes their data key, which will not be used. */
function wipedUnless<M extends EncryptionMaterials | DecryptionMaterials>(
  materials: M,
  check: () => void,
): M {
  try {
    check();
  } catch (error) {
    materials.dataKey?.fill?.(0);
    throw error;
  }
  return materials;
}

/**
 * Called before materials are cached and whenever they are taken out: only the suite that the policy allowed passes.
 */
function assertSuite(materials: EncryptionMaterials | DecryptionMaterials, suite: AlgorithmSuite): void {
  if (materials.suite === suite && isCacheable(suite)) return;
  throw new EncryptionSdkError('MATERIALS_INVALID', 'the materials are for another algorithm suite');
}

/** The same for encryption, where the underlying CMM may have chosen the suite: the policy has to allow it. */
function assertMayBeUsed(
  materials: EncryptionMaterials,
  { commitmentPolicy, suite = materials.suite }: EncryptionMaterialsRequest,
): void {
  assertMayEncrypt(commitmentPolicy, materials.suite);
  assertSuite(materials, suite);
}

/** Copies the data key: the caller wipes the one that it gets, and the cache keeps its own. */
function withOwnDataKey<M extends EncryptionMaterials | DecryptionMaterials>(materials: M): M {
  if (materials.dataKey === undefined) return materials;
  const dataKey = secretBytes(materials.dataKey.length);
  dataKey.set(materials.dataKey);
  return { ...materials, dataKey };
}

/** The application sees these bytes in the header, and may write to them. `slice` of a Buffer would not be a copy. */
function copyOfEncryptedDataKey(key: EncryptedDataKey): EncryptedDataKey {
  const { providerInfo, ciphertext } = key;
  return { ...key, providerInfo: Uint8Array.from(providerInfo), ciphertext: Uint8Array.from(ciphertext) };
}

function foreignEntry(): EncryptionSdkError {
  return new EncryptionSdkError('MATERIALS_INVALID', 'the cache holds other materials under this identity');
}

function encryptionIdentity(partition: Uint8Array, request: EncryptionMaterialsRequest): string {
  return identity(
    ENCRYPTION,
    partition,
    request.commitmentPolicy,
    request.suite,
    canonicalBytes(request.encryptionContext),
    ...request.requiredEncryptionContextKeys.map(utf8).sort(compareBytes),
  );
}

function decryptionIdentity(partition: Uint8Array, request: DecryptionMaterialsRequest): string {
  return identity(
    DECRYPTION,
    partition,
    request.commitmentPolicy,
    request.suite,
    canonicalBytes(request.encryptionContext),
    canonicalBytes(request.reproducedEncryptionContext),
    ...request.encryptedDataKeys.map(encryptedDataKeyBytes).sort(compareBytes),
  );
}

function encryptedDataKeyBytes({ providerId, providerInfo, ciphertext }: EncryptedDataKey): Uint8Array {
  const writer = new ByteWriter(2 + 3 * providerId.length + 4 + providerInfo.length + ciphertext.length);
  writer.text(providerId);
  writer.number(4, providerInfo.length);
  writer.bytes(providerInfo);
  writer.bytes(ciphertext);
  return writer.written();
}

/**
 * The key of a cache entry. The specification's formulas leave out policy and required keys, but materials must not be
 * shared across those. Every field has a fixed length, or its length before it. The result is not hashed: no other
 * implementation reads it, and a hash would cost more than the longer text.
 */
function identity(
  kind: typeof ENCRYPTION | typeof DECRYPTION,
  partition: Uint8Array,
  policy: CommitmentPolicy,
  suite: AlgorithmSuite | undefined,
  ...fields: readonly Uint8Array[]
): string {
  let capacity = 1 + 2 + 2 + policy.length + 4 + partition.length;
  for (const field of fields) capacity += 4 + field.length;
  const writer = new ByteWriter(capacity);
  writer.number(1, kind);
  // No suite has the id 0.
  writer.number(2, suite?.id ?? 0);
  writer.text(policy);
  for (const field of [partition, ...fields]) {
    writer.number(4, field.length);
    writer.bytes(field);
  }
  return encodeBase64(writer.written());
}

const ENCRYPTION = 1;
const DECRYPTION = 2;
