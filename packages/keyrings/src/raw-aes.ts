import {
  type AesGcmKey,
  aesGcmKey,
  contextBytes,
  type EncryptedDataKey,
  type Keyring,
  randomBytes,
  secretBytes,
} from '@holdfast/sdk/spi';
import { KeyringError } from './internal/errors.ts';
import { openFirst, wipedOnFailure, withDataKey, withEncryptedDataKey } from './internal/wrapping.ts';

/** Options of {@link rawAesKeyring}. */
export interface RawAesKeyringOptions {
  /** Names the owner of the key, for instance an application or an HSM. Must not start with `aws-kms`. */
  readonly namespace: string;
  /** Names the key within the namespace. */
  readonly name: string;
  /** 16, 24 or 32 bytes. Copied: the caller's array is neither kept nor changed. */
  readonly wrappingKey: Uint8Array;
  /**
   * Also open data keys that the raw AES keyrings of `@aws-crypto` wrapped with their default options: they order
   * the encryption context by locale, which differs for keys in mixed case or beyond ASCII. Default false.
   */
  readonly acceptLocaleOrderedContexts?: boolean;
}

/**
 * Wraps data keys with an AES key that you hold, by AES-GCM bound to the encryption context.
 *
 * @throws TypeError for an empty name, a namespace that is reserved for AWS KMS, or a key of zeros only
 * @throws RangeError for a key of another length
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/raw-aes-keyring.md
 * @example
 * const keyring = rawAesKeyring({ namespace: 'my-app', name: 'key-1', wrappingKey });
 */
export function rawAesKeyring({
  namespace,
  name,
  wrappingKey,
  acceptLocaleOrderedContexts = false,
}: RawAesKeyringOptions): Keyring {
  if (!isText(namespace) || namespace.startsWith('aws-kms')) {
    throw new TypeError('namespace: expected a text that does not start with aws-kms');
  }
  if (!isText(name)) throw new TypeError('name: expected a text');
  if (![16, 24, 32].includes(wrappingKey.length)) {
    throw new RangeError('wrappingKey: expected 16, 24 or 32 bytes');
  }
  // The mark of an array that was wiped: other libraries wipe the one they are given.
  if (wrappingKey.every((byte) => byte === 0))
    throw new TypeError('wrappingKey: expected another key than zeros');

  const key = aesGcmKey(wrappingKey);
  // Key name ‖ tag length in bits ‖ IV length; the IV follows.
  const infoPrefix = Uint8Array.of(...new TextEncoder().encode(name), 0, 0, 0, 128, 0, 0, 0, IV_LENGTH);
  const isOurs = ({ providerId, providerInfo }: EncryptedDataKey): boolean =>
    providerId === namespace &&
    providerInfo.length === infoPrefix.length + IV_LENGTH &&
    infoPrefix.every((byte, i) => providerInfo[i] === byte);

  return {
    async onEncrypt(materials) {
      const complete = withDataKey(materials);
      const isOwnDataKey = materials.dataKey === undefined;
      return wipedOnFailure(isOwnDataKey ? complete.dataKey : undefined, async () => {
        const iv = randomBytes(IV_LENGTH);
        const ciphertext = new Uint8Array(complete.dataKey.length + TAG_LENGTH);
        await (await key).seal(iv, contextBytes(complete.encryptionContext), complete.dataKey, ciphertext);
        const providerInfo = new Uint8Array(infoPrefix.length + IV_LENGTH);
        providerInfo.set(infoPrefix);
        providerInfo.set(iv, infoPrefix.length);
        return withEncryptedDataKey(complete, { providerId: namespace, providerInfo, ciphertext });
      });
    },
    async onDecrypt(materials, encryptedDataKeys) {
      const aesKey = await key;
      const aads = [contextBytes(materials.encryptionContext)];
      if (acceptLocaleOrderedContexts) aads.push(contextBytes(materials.encryptionContext, byLocale));
      return openFirst(materials, encryptedDataKeys.filter(isOurs), (candidate) =>
        unwrap(aesKey, candidate, aads),
      );
    },
  };
}

/** Something that UTF-8 can carry: without lone surrogates. */
function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && !/\p{Surrogate}/u.test(value);
}

async function unwrap(
  key: AesGcmKey,
  { providerInfo, ciphertext }: EncryptedDataKey,
  aads: readonly Uint8Array[],
): Promise<Uint8Array> {
  const dataKey = secretBytes(Math.max(0, ciphertext.length - TAG_LENGTH));
  for (const aad of dataKey.length > 0 ? aads : []) {
    if (await key.open(providerInfo.subarray(-IV_LENGTH), aad, ciphertext, dataKey)) return dataKey;
  }
  throw new KeyringError('DATA_KEY_NOT_OPENED', 'the wrapping key, context or encrypted data key is another');
}

function byLocale(a: string, b: string): number {
  return a.localeCompare(b);
}

const IV_LENGTH = 12;
const TAG_LENGTH = 16;
