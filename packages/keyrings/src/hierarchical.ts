import {
  type DecryptionMaterials,
  type EncryptionContext,
  type Keyring,
  localCache,
  type MaterialsCache,
  randomBytes,
} from '@holdfast/sdk/spi';
import type { BranchKeySource } from './internal/branch-keys/branch-key-source.ts';
import { branchWrappingKey } from './internal/branch-keys/branch-wrapping-key.ts';
import { cachedBranchKeys } from './internal/branch-keys/cached-branch-keys.ts';
import { dataKeyNotOpened } from './internal/data-key-not-opened.ts';
import { isText, isWellFormed } from './internal/text.ts';
import { assertNoDataKey } from './internal/wrapping.ts';
import { wrappingKeyring } from './internal/wrapping-keyring.ts';

export type { BranchKeySource } from './internal/branch-keys/branch-key-source.ts';

/**
 * Chooses the branch key of a message by its encryption context, for instance one for each tenant. If it throws on decrypt,
 * the data key counts as not opened, unless the error is a `KeyringError` `KEY_SERVICE_UNAVAILABLE`: throw that if the
 * branch key cannot be determined at the time.
 */
export type BranchKeyIdSupplier = (encryptionContext: EncryptionContext) => string | Promise<string>;

/** Options of {@link hierarchicalKeyring}. */
export interface HierarchicalKeyringOptions {
  /** The key store, from `@holdfast/keyrings/branch-key-store`. */
  readonly keyStore: BranchKeySource;
  /** The branch key, or a function that chooses one for each message. */
  readonly branchKeyId: string | BranchKeyIdSupplier;
  /** Milliseconds that a branch key is used before the key store is asked for it again, 1 or more. */
  readonly ttlMs: number;
  /**
   * Keeps the branch keys: an entry for each that wraps, and one for each version that opens. Default: a `localCache`
   * of this keyring's own, with room for 1,000.
   */
  readonly cache?: MaterialsCache;
  /**
   * Keyrings with the same partition on the same cache share branch keys of key stores of the same logical name,
   * also those that their own key store would be refused. Default: a random one, which no other keyring has.
   */
  readonly partitionId?: string;
  /**
   * Also open data keys that the hierarchical keyring of `@aws-crypto` wrapped with its default options: it orders
   * the encryption context by locale, which differs for keys in mixed case or beyond ASCII. Default false.
   */
  readonly acceptLocaleOrderedContexts?: boolean;
}

/**
 * Wraps data keys with a branch key, which is stored wrapped by AWS KMS and cached by this keyring: in each `ttlMs`, any
 * number of messages needs one call of AWS KMS for the active version, and one for each version that is opened.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET` and `DATA_KEY_NOT_OPENED`; and with `KEY_SERVICE_…`,
 * `BRANCH_KEY_NOT_FOUND` or `BRANCH_KEY_INVALID`, which on decrypt are in the `cause`, except for an outage. If the
 * function for branch key ids throws, encryption fails with its error.
 *
 * @throws TypeError for a missing key store or branch key id, or an invalid cache or partition id
 * @throws RangeError for a time of less than a millisecond
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-hierarchical-keyring.md
 * @example
 * const keyring = hierarchicalKeyring({ keyStore, branchKeyId: ({ tenant = '' }) => tenant, ttlMs: 600_000 });
 */
export function hierarchicalKeyring(options: HierarchicalKeyringOptions): Keyring {
  const { keyStore, branchKeyId, ttlMs, partitionId, acceptLocaleOrderedContexts = false } = options;
  const { cache = localCache({ capacity: DEFAULT_CAPACITY }) } = options;
  if (!isKeyStore(keyStore)) throw new TypeError('keyStore: expected a key store with a logical name');
  if (typeof cache?.fetch !== 'function') throw new TypeError('cache: expected a MaterialsCache');
  // With less, a branch key would be too old as soon as it arrives, and the key store would be asked without end.
  if (typeof ttlMs !== 'number' || !(ttlMs >= 1)) throw new RangeError('ttlMs: expected 1 or more');
  if (partitionId !== undefined && !isWellFormed(partitionId)) {
    throw new TypeError('partitionId: expected a text without lone surrogates');
  }
  const partition = partitionId === undefined ? randomBytes(16) : new TextEncoder().encode(partitionId);
  const branchKeys = cachedBranchKeys({ keyStore, cache, ttlMs, partition });
  const keyringOf = (id: string): Keyring =>
    wrappingKeyring(branchWrappingKey({ branchKeyId: checkId(id), branchKeys, acceptLocaleOrderedContexts }));

  if (typeof branchKeyId !== 'function') return keyringOf(branchKeyId);
  const supplier = branchKeyId;
  return {
    onEncrypt: async (materials) =>
      keyringOf(await supplier(materials.encryptionContext)).onEncrypt(materials),
    async onDecrypt(materials, encryptedDataKeys) {
      assertNoDataKey(materials);
      const keyring = await chosenFor(materials);
      return keyring.onDecrypt(materials, encryptedDataKeys);
    },
  };

  async function chosenFor({ encryptionContext }: DecryptionMaterials): Promise<Keyring> {
    try {
      return keyringOf(await supplier(encryptionContext));
    } catch (cause) {
      throw dataKeyNotOpened([cause]);
    }
  }
}

/** A key store without a name, or with an empty one, would share cache entries with other such stores. */
function isKeyStore(keyStore: BranchKeySource): boolean {
  return (
    typeof keyStore?.activeBranchKey === 'function' &&
    typeof keyStore.branchKeyVersion === 'function' &&
    isText(keyStore.logicalKeyStoreName)
  );
}

function checkId(branchKeyId: unknown): string {
  if (isText(branchKeyId)) return branchKeyId;
  throw new TypeError('branchKeyId: expected a text');
}

const DEFAULT_CAPACITY = 1_000;
