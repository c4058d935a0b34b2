import { encodeBase64, hash, randomBytes } from '#crypto';
import { compareBytes, concat, secretBytes, uint16, uint32, utf8 } from './bytes.ts';
import type { CacheEntry, MaterialsCache } from './cache/materials-cache.ts';
import type {
  CryptographicMaterialsManager,
  DecryptionMaterialsRequest,
  EncryptionMaterialsRequest,
} from './cmm.ts';
import { assertMayDecrypt, assertMayEncrypt, defaultSuite } from './commitment-policy.ts';
import { contextBytes } from './context.ts';
import { defaultCmm } from './default-cmm.ts';
import { EncryptionSdkError } from './errors.ts';
import type { EncryptedDataKey, Keyring } from './keyring.ts';
import type { DecryptionMaterials, EncryptionMaterials } from './materials.ts';
import type { AlgorithmSuite } from './suites.ts';

/** Options of {@link cachingCmm}: a cache, limits, and what provides the materials. */
export type CachingCmmOptions = {
  readonly cache: MaterialsCache;
  /** Milliseconds that materials may be used, more than 0. */
  readonly ttlMs: number;
  /** CMMs with the same partition on the same cache share materials. Default: a random one, shared with nobody. */
  readonly partitionId?: string;
  /** Messages written with one data key, 1 to 2^32. Default 2^32. */
  readonly maxMessages?: number;
  /** Plaintext bytes written with one data key, 0 or more. Default 2^53 - 1. */
  readonly maxBytes?: number;
} & ({ readonly keyring: Keyring } | { readonly cmm: CryptographicMaterialsManager });

/**
 * A CMM that uses data keys more than once: fewer calls to the key service, at the price of several messages
 * under one data key, each with a content key and, for signing suites, not a signing key of its own.
 *
 * What is shared depends on everything that decides on materials: partition, commitment policy, suite,
 * encryption context and required keys; and the policy is checked again whenever materials are taken out.
 * Suites without key derivation, and plaintexts of unknown length, are never cached.
 *
 * @throws RangeError for limits out of range
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/caching-cmm.md
 * @example
 * const cmm = cachingCmm({ keyring, cache: localCache({ capacity: 100 }), ttlMs: 60_000, maxMessages: 1000 });
 * await client.encrypt(plaintext, { cmm });
 */
export function cachingCmm(options: CachingCmmOptions): CryptographicMaterialsManager {
  const { cache, ttlMs, maxMessages = 2 ** 32, maxBytes = Number.MAX_SAFE_INTEGER } = options;
  if (!(ttlMs > 0)) throw new RangeError('ttlMs: expected a positive number');
  if (!Number.isInteger(maxMessages) || maxMessages < 1 || maxMessages > 2 ** 32) {
    throw new RangeError('maxMessages: expected an integer from 1 to 2^32');
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new RangeError('maxBytes: expected an integer, 0 or more');
  }
  const underlying = 'cmm' in options ? options.cmm : defaultCmm(options.keyring);
  const partition = options.partitionId === undefined ? randomBytes(16) : utf8(options.partitionId);

  return {
    async encryptionMaterials(request) {
      const { commitmentPolicy, maxPlaintextLength: length, signal } = request;
      const suite = request.suite ?? defaultSuite(commitmentPolicy);
      if (!isCacheable(suite) || length === undefined || length > maxBytes) {
        return underlying.encryptionMaterials(request);
      }
      const { signal: _, ...shared } = request;
      const materials = await cache.fetch({
        id: await encryptionIdentity(partition, suite, request),
        ttlMs,
        load: async () => ({
          kind: 'encryption',
          materials: await underlying.encryptionMaterials({ ...shared, suite }),
        }),
        use(entry) {
          if (entry.messages >= maxMessages || entry.bytes + length > maxBytes) return undefined;
          entry.messages += 1;
          entry.bytes += length;
          return encryptionMaterialsOf(entry);
        },
        ...(signal && { signal }),
      });
      assertMayEncrypt(commitmentPolicy, materials.suite);
      return materials;
    },
    async decryptionMaterials(request) {
      const { commitmentPolicy, suite, signal } = request;
      assertMayDecrypt(commitmentPolicy, suite);
      if (!isCacheable(suite)) return underlying.decryptionMaterials(request);
      const { signal: _, ...shared } = request;
      const materials = await cache.fetch({
        id: await decryptionIdentity(partition, request),
        ttlMs,
        load: async () => ({ kind: 'decryption', materials: await underlying.decryptionMaterials(shared) }),
        use: decryptionMaterialsOf,
        ...(signal && { signal }),
      });
      assertMayDecrypt(commitmentPolicy, materials.suite);
      return materials;
    },
  };
}

/** Without derivation, one data key for two messages would be one content key for two messages. */
function isCacheable(suite: AlgorithmSuite): boolean {
  return suite.derivation.kind !== 'identity';
}

function encryptionMaterialsOf({ cached }: CacheEntry): EncryptionMaterials {
  if (cached.kind !== 'encryption') throw foreignEntry();
  return withOwnDataKey(cached.materials);
}

function decryptionMaterialsOf({ cached }: CacheEntry): DecryptionMaterials {
  if (cached.kind !== 'decryption') throw foreignEntry();
  return withOwnDataKey(cached.materials);
}

/** Whoever gets materials wipes their data key: the cache keeps its own. */
function withOwnDataKey<M extends EncryptionMaterials | DecryptionMaterials>(materials: M): M {
  if (materials.dataKey === undefined) return materials;
  const dataKey = secretBytes(materials.dataKey.length);
  dataKey.set(materials.dataKey);
  return { ...materials, dataKey };
}

function foreignEntry(): EncryptionSdkError {
  return new EncryptionSdkError('MATERIALS_INVALID', 'the cache holds other materials under this identity');
}

async function encryptionIdentity(
  partition: Uint8Array,
  suite: AlgorithmSuite,
  request: EncryptionMaterialsRequest,
): Promise<string> {
  return identity(
    Uint8Array.of(1),
    partition,
    utf8(request.commitmentPolicy),
    uint16(suite.id),
    contextBytes(request.encryptionContext),
    ...request.requiredEncryptionContextKeys.map(utf8).sort(compareBytes),
  );
}

async function decryptionIdentity(
  partition: Uint8Array,
  request: DecryptionMaterialsRequest,
): Promise<string> {
  return identity(
    Uint8Array.of(2),
    partition,
    utf8(request.commitmentPolicy),
    uint16(request.suite.id),
    contextBytes(request.encryptionContext),
    contextBytes(request.reproducedEncryptionContext),
    ...request.encryptedDataKeys.map(encryptedDataKeyBytes).sort(compareBytes),
  );
}

function encryptedDataKeyBytes({ providerId, providerInfo, ciphertext }: EncryptedDataKey): Uint8Array {
  return lengthPrefixed([utf8(providerId), providerInfo, ciphertext]);
}

/** The specification's formulas leave out policy and required keys, which must not be shared across. */
async function identity(...fields: readonly Uint8Array[]): Promise<string> {
  return encodeBase64(await hash('SHA-384', lengthPrefixed(fields)));
}

function lengthPrefixed(fields: readonly Uint8Array[]): Uint8Array {
  return concat(...fields.flatMap((field) => [uint32(field.length), field]));
}
