import { Buffer } from 'node:buffer';
import {
  contextBytes,
  type DecryptionMaterials,
  type EncryptionMaterials,
  type Keyring,
} from '@holdfast/sdk/spi';
import { KeyringError } from './internal/errors.ts';
import { base64, fromBase64, knownWord } from './internal/http/json.ts';
import { jsonService } from './internal/http/json-service.ts';
import { type HttpOptions, serviceUrl } from './internal/http/options.ts';
import { invalidAnswer } from './internal/key-service.ts';
import { member } from './internal/member.ts';
import { wipeOnFailure } from './internal/wrapping.ts';
import { type GeneratedDataKey, wrappingKeyring } from './internal/wrapping-keyring.ts';

export type { HttpOptions } from './internal/http/options.ts';

/** Options of {@link vaultTransitKeyring}. */
export interface VaultTransitKeyringOptions extends HttpOptions {
  /** Where the server is, for instance `https://vault.example.com:8200`. Not written into messages. */
  readonly address: string;
  /** The key in the transit engine, of a type with associated data: `aes256-gcm96`, `chacha20-poly1305` … */
  readonly keyName: string;
  /** Where the engine is mounted. Default `transit`. */
  readonly mountPath?: string;
  /** The namespace of the mount, where the server has namespaces. */
  readonly namespace?: string;
  /**
   * Where data keys come from: the random generator of this process, or `datakey` of the transit engine, which then has to
   * bind associated data as OpenBao does. Default `local`.
   */
  readonly dataKeySource?: 'local' | 'transit';
}

/**
 * Wraps data keys with a key of the transit engine of HashiCorp Vault or OpenBao, bound to the encryption context as
 * associated data.
 *
 * Rejects with `KeyringError` `KEY_SERVICE_REFUSED`, `KEY_SERVICE_UNAVAILABLE`, `KEY_SERVICE_ANSWER_INVALID`,
 * `DATA_KEY_ALREADY_SET` or `DATA_KEY_NOT_OPENED`.
 *
 * @throws TypeError for an address without TLS, an invalid key name, mount path or namespace, or a token that is not a
 *   function
 * @throws RangeError for a `timeoutMs` out of bounds
 * @see https://openbao.org/api-docs/secret/transit/
 * @example
 * const keyring = vaultTransitKeyring({ address: 'https://vault.example.com:8200', keyName: 'orders', token });
 */
export function vaultTransitKeyring(options: VaultTransitKeyringOptions): Keyring {
  const { keyName, mountPath = 'transit', namespace, dataKeySource = 'local' } = options;
  if (!matches(NAME, keyName)) throw new TypeError('keyName: expected the name of a transit key');
  if (!matches(PATH, mountPath))
    throw new TypeError('mountPath: expected a path without slashes at its ends');
  if (namespace !== undefined && !matches(PATH, namespace)) {
    throw new TypeError('namespace: expected a path without slashes at its ends');
  }
  if (!DATA_KEY_SOURCES.has(dataKeySource)) throw new TypeError('dataKeySource: expected local or transit');
  const address = serviceUrl('address', options.address, options).href.replace(/\/$/, '');
  const service = jsonService(
    {
      keyService: KEY_SERVICE,
      headers: (token) => ({
        'x-vault-token': token,
        ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      }),
      reasonOf,
      // Status 412 means that the server has not yet seen what another server of its cluster has written.
      isOutage: (status, body) => status === 412 || reasonOf(body) === INVALID_TOKEN,
    },
    options,
  );
  const post = (operation: string, body: Readonly<Record<string, string | number>>): Promise<unknown> =>
    service.post(`${address}/v1/${mountPath}/${operation}/${keyName}`, body);

  const decrypt = async (ciphertext: string, aad: AssociatedData): Promise<Uint8Array> => {
    const answer = await post('decrypt', { ciphertext, ...aad });
    return plaintextOf(answer);
  };

  return wrappingKeyring({
    providerId: 'vault-transit',
    name: [...(namespace === undefined ? [] : [namespace]), mountPath, 'keys', keyName].join('/'),

    async generate(materials) {
      const bits = DATA_KEY_BITS.get(materials.suite.dataKeyLength);
      if (dataKeySource === 'local' || bits === undefined) return undefined;
      const aad = associatedData(materials);
      const answer = await post('datakey/plaintext', { bits, ...aad });
      const dataKey = plaintextOf(answer);
      return wipeOnFailure(dataKey, async (): Promise<GeneratedDataKey> => {
        if (dataKey.length * 8 !== bits) throw invalidAnswer(KEY_SERVICE, 'a data key of another length');
        const ciphertext = ciphertextOf(answer);
        // A server that ignores associated data here answers with success, and can never open the data key again.
        const opened = await decrypt(ciphertext, aad).catch((error: unknown) => {
          if (!isRefusedCiphertext(error)) throw error;
          throw invalidAnswer(KEY_SERVICE, 'a data key that it does not open', error);
        });
        const isSame = opened.length === dataKey.length && opened.every((byte, i) => byte === dataKey[i]);
        opened.fill(0);
        if (!isSame) throw invalidAnswer(KEY_SERVICE, 'another data key than it wrapped');
        return { dataKey, ciphertext: new TextEncoder().encode(ciphertext) };
      });
    },

    async wrap(dataKey, materials) {
      const answer = await post('encrypt', { plaintext: base64(dataKey), ...associatedData(materials) });
      return new TextEncoder().encode(ciphertextOf(answer));
    },

    async unwrap(ciphertext, materials) {
      const text = Buffer.from(ciphertext).toString('latin1');
      if (!CIPHERTEXT.test(text)) {
        throw new KeyringError('DATA_KEY_NOT_OPENED', 'the encrypted data key has no form of Vault transit');
      }
      return decrypt(text, associatedData(materials));
    },
  });
}

/** True if the server refused the ciphertext itself; other statuses concern permissions and paths. */
function isRefusedCiphertext(error: unknown): error is KeyringError {
  return (
    error instanceof KeyringError &&
    error.code === 'KEY_SERVICE_REFUSED' &&
    member(error.cause, 'status') === 400
  );
}

function reasonOf(body: unknown): string | undefined {
  return knownWord(REASONS, member(body, 'errors'));
}

/** `RegExp.test` alone would take a missing value for the text `undefined`. */
function matches(pattern: RegExp, text: unknown): boolean {
  return typeof text === 'string' && pattern.test(text);
}

/** The part of a request that binds to the encryption context: nothing for an empty one. */
interface AssociatedData {
  readonly associated_data?: string;
}

function associatedData({ encryptionContext }: EncryptionMaterials | DecryptionMaterials): AssociatedData {
  const aad = contextBytes(encryptionContext);
  return aad.length === 0 ? {} : { associated_data: base64(aad) };
}

function plaintextOf(answer: unknown): Uint8Array {
  const plaintext = fromBase64(member(member(answer, 'data'), 'plaintext'));
  if (plaintext === undefined) throw invalidAnswer(KEY_SERVICE, 'no plaintext');
  return plaintext;
}

function ciphertextOf(answer: unknown): string {
  const data = member(answer, 'data');
  const ciphertext = member(data, 'ciphertext');
  const [, version] = (typeof ciphertext === 'string' && CIPHERTEXT.exec(ciphertext)) || [];
  if (typeof ciphertext !== 'string' || version === undefined) {
    throw invalidAnswer(KEY_SERVICE, 'no ciphertext');
  }
  if (member(data, 'key_version') !== Number(version)) {
    throw invalidAnswer(KEY_SERVICE, 'another key version than it wrapped with');
  }
  // A server that does not know a parameter warns, and ignores it.
  if (knownWord(['associated_data'], member(answer, 'warnings')) !== undefined) {
    throw invalidAnswer(KEY_SERVICE, 'a ciphertext that is not bound to the encryption context');
  }
  return ciphertext;
}

const KEY_SERVICE = 'Vault transit';
const NAME = /^\w(?:[\w.-]*\w)?$/;
const PATH = /^\w[\w.-]*(?:\/\w[\w.-]*)*$/;
const CIPHERTEXT = /^vault:v([1-9]\d{0,8}):(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DATA_KEY_SOURCES: ReadonlySet<unknown> = new Set(['local', 'transit']);
/** The lengths that `datakey` can make: bits by bytes. */
const DATA_KEY_BITS: ReadonlyMap<number, number> = new Map([
  [16, 128],
  [32, 256],
]);
/** What servers add to `permission denied` for a token that has expired or is invalid; older ones do not. */
const INVALID_TOKEN = 'invalid token';
/** Parts of error texts: Vault has no codes. */
const REASONS = [
  INVALID_TOKEN,
  'permission denied',
  'is sealed',
  'encryption key not found',
  'message authentication failed',
  'invalid ciphertext',
  'disallowed by policy',
  'required index state not present',
  'no handler for route',
  'quota exceeded',
  'non-AEAD cipher suite',
  "missing 'context' for key derivation",
];
