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
  /** Milliseconds that materials may be used, 1 or more. */
  readonly ttlMs: number;
  /** CMMs with the same partition on the same cache share materials. Default: a random one, shared with nobody. */
  readonly partitionId?: string;
  /** Messages written with one data key, 1 to 2^32. Default 2^32. */
  readonly maxMessages?: number;
  /** Plaintext bytes written with one data key, 0 or more. Default 2^53 - 1. */
  readonly maxBytes?: number;
};

/**
 * A CMM that uses data keys more than once: fewer calls to the key service, at the price of several messages
 * under one data key, each with a content key and, for signing suites, not a signing key of its own.
 *
 * What is shared depends on everything that decides on materials: partition, commitment policy, suite if the caller named
 * one, encryption context and required keys; and the policy is checked again whenever materials are taken out.
 * Never cached are plaintexts of unknown length, those of which no two may share a data key by `maxMessages` or `maxBytes`,
 * and suites without key derivation; a CMM beneath that chooses such a suite of its own accord fails with
 * `MATERIALS_INVALID`.
 *
 * @throws RangeError for limits out of range
 * @throws TypeError without a cache, for a partition id with lone surrogates, or unless there is exactly one source of
 * materials
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/caching-cmm.md
 * @example
 * const cmm = cachingCmm({ keyring, cache: localCache({ capacity: 100 }), ttlMs: 60_000, maxMessages: 1000 });
 * await client.encrypt(plaintext, { cmm });
 */
export function cachingCmm(options: CachingCmmOptions): CryptographicMaterialsManager {
  const { cache, ttlMs, maxMessages = 2 ** 32, maxBytes = Number.MAX_SAFE_INTEGER } = options;
  if (typeof cache?.fetch !== 'function') throw new TypeError('cache: expected a MaterialsCache');
  // What lived for less could be gone before the one who asked for it gets to see it.
  if (typeof ttlMs !== 'number' || !(ttlMs >= 1)) throw new RangeError('ttlMs: expected 1 or more');
  if (!Number.isInteger(maxMessages) || maxMessages < 1 || maxMessages > 2 ** 32) {
    throw new RangeError('maxMessages: expected an integer from 1 to 2^32');
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new RangeError('maxBytes: expected an integer, 0 or more');
  }
  if (options.partitionId !== undefined && !options.partitionId.isWellFormed()) {
    throw new TypeError('partitionId: expected a text without lone surrogates');
  }
  const underlying = materialsManager(options);
  const partition = options.partitionId === undefined ? randomBytes(16) : utf8(options.partitionId);
  // Whoever loaded an entry may have wanted it to live longer.
  const isFresh = ({ createdAtMs }: CacheEntry): boolean => performance.now() - createdAtMs < ttlMs;
  // Those of which no two may use one data key would wait for each other's, one after the other.
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
          // One caller's length and patience are not those of all who will use the materials.
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
 * Without derivation, one data key for two messages would be one content key for two messages. The suite that a CMM is left
 * to choose is looked at when it is known.
 */
function isCacheable(suite: AlgorithmSuite | undefined): boolean {
  return suite?.derivation.kind !== 'identity';
}

/** The materials, if they pass the check: nobody else will ask for the key of those that fail. */
function wipedUnless<M extends EncryptionMaterials | DecryptionMaterials>(
  materials: M,
  check: () => void,
): M {
  try {
    check();
  } catch (error) {
    materials.dataKey?.fill(0);
    throw error;
  }
  return materials;
}

/** Before they are kept and whenever they are taken out: what the policy allowed is what is handed on. */
function assertSuite(materials: EncryptionMaterials | DecryptionMaterials, suite: AlgorithmSuite): void {
  if (materials.suite === suite && isCacheable(suite)) return;
  throw new EncryptionSdkError('MATERIALS_INVALID', 'the materials are for another algorithm suite');
}

/** The same for encryption, where the CMM beneath may have chosen the suite: the policy has to allow it. */
function assertMayBeUsed(
  materials: EncryptionMaterials,
  { commitmentPolicy, suite = materials.suite }: EncryptionMaterialsRequest,
): void {
  assertMayEncrypt(commitmentPolicy, materials.suite);
  assertSuite(materials, suite);
}

/** Whoever gets materials wipes their data key: the cache keeps its own. */
function withOwnDataKey<M extends EncryptionMaterials | DecryptionMaterials>(materials: M): M {
  if (materials.dataKey === undefined) return materials;
  const dataKey = secretBytes(materials.dataKey.length);
  dataKey.set(materials.dataKey);
  return { ...materials, dataKey };
}

/** The application sees these bytes in the header, and may write to them. Of a Buffer, `slice` would be no copy. */
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
 * The specification's formulas leave out policy and required keys, which must not be shared across. Every field has
 * its length before it, or a fixed one. Nobody else reads it: to hash it would cost more than the longer text does.
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
