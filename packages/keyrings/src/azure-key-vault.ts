import { hkdfSync } from 'node:crypto';
import {
  type AesGcmKey,
  aesGcmKey,
  contextBytes,
  type Keyring,
  randomBytes,
  secretBytes,
} from '@holdfast/sdk/spi';
import { KeyringError } from './internal/errors.ts';
import { base64, fromBase64, knownWord } from './internal/http/json.ts';
import { type JsonServiceKind, jsonService } from './internal/http/json-service.ts';
import { type HttpOptions, serviceUrl } from './internal/http/options.ts';
import { invalidAnswer } from './internal/key-service.ts';
import { member } from './internal/member.ts';
import { wrappingKeyring } from './internal/wrapping-keyring.ts';

export type { HttpOptions } from './internal/http/options.ts';

/** Options of {@link azureKeyVaultKeyring}. Its `token` is one for the scope of the vault or the managed HSM. */
export interface AzureKeyVaultKeyringOptions extends HttpOptions {
  /** An RSA key with its version, as Azure shows it: `https://….vault.azure.net/keys/NAME/VERSION`. */
  readonly keyId: string;
}

/**
 * Wraps data keys with an RSA key of Azure Key Vault or a managed HSM, by RSA-OAEP-256. That cannot bind to an
 * encryption context, so it wraps a new intermediate key each time, and AES-256-GCM under that key wraps the data key.
 *
 * Rejects with `KeyringError` `KEY_SERVICE_REFUSED`, `KEY_SERVICE_UNAVAILABLE`, `KEY_SERVICE_ANSWER_INVALID`,
 * `DATA_KEY_ALREADY_SET` or `DATA_KEY_NOT_OPENED`.
 *
 * @throws TypeError for anything but the id of a key with its version, an id without TLS, or a token that is not a function
 * @throws RangeError for a `timeoutMs` out of bounds
 * @see https://learn.microsoft.com/en-us/rest/api/keyvault/keys/wrap-key/wrap-key
 * @example
 * const keyring = azureKeyVaultKeyring({ keyId: 'https://shop.vault.azure.net/keys/orders/0698c215…', token });
 */
export function azureKeyVaultKeyring(options: AzureKeyVaultKeyringOptions): Keyring {
  const { keyId } = options;
  const url = serviceUrl('keyId', keyId, options);
  if (!KEY_PATH.test(url.pathname) || url.href !== keyId) {
    throw new TypeError('keyId: expected https://VAULT/keys/NAME/VERSION');
  }
  const service = jsonService(AZURE_KEY_VAULT, options);
  /** Wraps or unwraps a key. */
  const convert = async (operation: 'wrapkey' | 'unwrapkey', value: Uint8Array): Promise<Uint8Array> => {
    const answer = await service.post(`${keyId}/${operation}?api-version=${API_VERSION}`, {
      alg: 'RSA-OAEP-256',
      value: base64(value, 'base64url'),
    });
    if (member(answer, 'kid') !== keyId) throw invalidAnswer(KEY_SERVICE, 'another key than was asked for');
    const bytes = fromBase64(member(answer, 'value'), 'base64url');
    if (bytes === undefined) throw invalidAnswer(KEY_SERVICE, 'no value');
    return bytes;
  };

  return wrappingKeyring({
    providerId: 'azure-key-vault',
    name: keyId,

    async wrap(dataKey, { encryptionContext }) {
      const intermediateKey = randomBytes(INTERMEDIATE_KEY_LENGTH);
      try {
        const wrappedKey = await convert('wrapkey', intermediateKey);
        if (!MODULUS_LENGTHS.has(wrappedKey.length)) {
          throw invalidAnswer(KEY_SERVICE, 'something else than RSA makes');
        }
        const iv = randomBytes(IV_LENGTH);
        const sealed = new Uint8Array(dataKey.length + TAG_LENGTH);
        await (await sealingKey(intermediateKey)).seal(iv, contextBytes(encryptionContext), dataKey, sealed);
        const { length } = wrappedKey;
        return Uint8Array.of(LAYOUT_VERSION, length >>> 8, length & 0xff, ...wrappedKey, ...iv, ...sealed);
      } finally {
        intermediateKey.fill(0);
      }
    },

    async unwrap(ciphertext, { encryptionContext, suite }) {
      const parts = parseCiphertext(ciphertext, suite.dataKeyLength);
      if (parts === undefined) throw notOpened('the encrypted data key has another layout or length');
      const intermediateKey = await convert('unwrapkey', parts.wrappedKey);
      try {
        if (intermediateKey.length !== INTERMEDIATE_KEY_LENGTH) {
          throw invalidAnswer(KEY_SERVICE, 'a key of another length');
        }
        const key = await sealingKey(intermediateKey);
        const dataKey = secretBytes(suite.dataKeyLength);
        if (await key.open(parts.iv, contextBytes(encryptionContext), parts.sealed, dataKey)) return dataKey;
        throw notOpened('the encryption context or the encrypted data key is another');
      } finally {
        intermediateKey.fill(0);
      }
    },
  });
}

/** Derives the key, so that no key which the same RSA key wraps for another purpose can be used in its place. */
async function sealingKey(intermediateKey: Uint8Array): Promise<AesGcmKey> {
  const derived = new Uint8Array(hkdfSync('sha256', intermediateKey, '', KEY_PURPOSE, 32));
  try {
    return await aesGcmKey(derived);
  } finally {
    derived.fill(0);
  }
}

interface CiphertextParts {
  readonly wrappedKey: Uint8Array;
  readonly iv: Uint8Array;
  readonly sealed: Uint8Array;
}

/** Returns `undefined` for anything but the one layout of a data key of that length. */
function parseCiphertext(ciphertext: Uint8Array, dataKeyLength: number): CiphertextParts | undefined {
  const [version, high = 0, low = 0] = ciphertext;
  const ivOffset = HEAD_LENGTH + ((high << 8) | low);
  const sealedOffset = ivOffset + IV_LENGTH;
  const isWhole = ciphertext.length === sealedOffset + dataKeyLength + TAG_LENGTH;
  if (version !== LAYOUT_VERSION || !isWhole || !MODULUS_LENGTHS.has(ivOffset - HEAD_LENGTH))
    return undefined;
  return {
    wrappedKey: ciphertext.subarray(HEAD_LENGTH, ivOffset),
    iv: ciphertext.subarray(ivOffset, sealedOffset),
    sealed: ciphertext.subarray(sealedOffset),
  };
}

function notOpened(reason: string): KeyringError {
  return new KeyringError('DATA_KEY_NOT_OPENED', reason);
}

const KEY_SERVICE = 'Azure Key Vault';
const API_VERSION = '7.4';
const KEY_PATH = /^\/keys\/[0-9A-Za-z-]{1,127}\/[0-9A-Za-z]{1,64}$/;
const LAYOUT_VERSION = 1;
const HEAD_LENGTH = 3;
const INTERMEDIATE_KEY_LENGTH = 32;
const KEY_PURPOSE = 'holdfast azure-key-vault 1';
const IV_LENGTH = 12;
const TAG_LENGTH = 16;
/** The lengths for RSA with 2048, 3072 and 4096 bits. */
const MODULUS_LENGTHS: ReadonlySet<number> = new Set([256, 384, 512]);
const AZURE_KEY_VAULT: JsonServiceKind = {
  keyService: KEY_SERVICE,
  headers: (token) => ({ authorization: `Bearer ${token}` }),
  reasonOf(body) {
    const error = member(body, 'error');
    return (
      knownWord(REASONS, member(member(error, 'innererror'), 'code')) ??
      knownWord(REASONS, member(error, 'code'))
    );
  },
};
/** Where one reason begins with another, the longer one comes first. */
const REASONS = [
  'AccessDenied',
  'BadParameter',
  'ForbiddenByConnection',
  'ForbiddenByFirewall',
  'ForbiddenByPolicy',
  'ForbiddenByRbac',
  'Forbidden',
  'KeyDisabled',
  'KeyNotFound',
  'Throttled',
  'Unauthorized',
];
