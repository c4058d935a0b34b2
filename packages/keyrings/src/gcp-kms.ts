import { contextBytes, type Keyring } from '@holdfast/sdk/spi';
import { crc32c } from './internal/crc32c.ts';
import { base64, fromBase64, knownWord } from './internal/http/json.ts';
import { type JsonServiceKind, jsonService } from './internal/http/json-service.ts';
import { type HttpOptions, serviceUrl } from './internal/http/options.ts';
import { invalidAnswer } from './internal/key-service.ts';
import { member } from './internal/member.ts';
import { wrappingKeyring } from './internal/wrapping-keyring.ts';

export type { HttpOptions } from './internal/http/options.ts';

/** Options of {@link gcpKmsKeyring}. Its `token` is an OAuth 2.0 access token. */
export interface GcpKmsKeyringOptions extends HttpOptions {
  /** The whole name of a symmetric key, `projects/…/locations/…/keyRings/…/cryptoKeys/…`, without a version. */
  readonly keyName: string;
  /** The service's address, for instance a regional one. Default `https://cloudkms.googleapis.com`. */
  readonly address?: string;
}

/**
 * Wraps data keys with a symmetric key of Google Cloud KMS, bound to the encryption context as additional
 * authenticated data. What is sent carries its CRC-32C, and what comes back is checked against its own.
 *
 * Rejects with `KeyringError` `KEY_SERVICE_REFUSED`, `KEY_SERVICE_UNAVAILABLE`, `KEY_SERVICE_ANSWER_INVALID`,
 * `DATA_KEY_ALREADY_SET` or `DATA_KEY_NOT_OPENED`.
 *
 * @throws TypeError for anything but the name of a key, an address without TLS, or a token that is not a function
 * @throws RangeError for a `timeoutMs` out of bounds
 * @see https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/encrypt
 * @example
 * const keyring = gcpKmsKeyring({ keyName: 'projects/p/locations/europe/keyRings/r/cryptoKeys/orders', token });
 */
export function gcpKmsKeyring(options: GcpKmsKeyringOptions): Keyring {
  const { keyName } = options;
  if (!KEY_NAME.test(keyName)) {
    throw new TypeError('keyName: expected projects/…/locations/…/keyRings/…/cryptoKeys/…');
  }
  const address = serviceUrl('address', options.address ?? DEFAULT_ADDRESS, options).href.replace(/\/$/, '');
  const service = jsonService(GCP_KMS, options);

  return wrappingKeyring({
    providerId: 'gcp-kms',
    name: keyName,

    async wrap(dataKey, materials) {
      const aad = contextBytes(materials.encryptionContext);
      const answer = await service.post(`${address}/v1/${keyName}:encrypt`, {
        ...withChecksum('plaintext', dataKey),
        ...(aad.length === 0 ? {} : withChecksum(AAD, aad)),
      });
      const ciphertext = readField(answer, 'ciphertext');
      if (!isVersionOf(keyName, member(answer, 'name'))) {
        throw invalidAnswer(KEY_SERVICE, 'another key than was asked for');
      }
      const wereVerified = aad.length === 0 ? ['Plaintext'] : ['Plaintext', 'AdditionalAuthenticatedData'];
      if (!wereVerified.every((field) => member(answer, `verified${field}Crc32c`) === true)) {
        throw invalidAnswer(KEY_SERVICE, 'a ciphertext of something that it did not verify');
      }
      return ciphertext;
    },

    async unwrap(ciphertext, materials) {
      const aad = contextBytes(materials.encryptionContext);
      const answer = await service.post(`${address}/v1/${keyName}:decrypt`, {
        ...withChecksum('ciphertext', ciphertext),
        ...(aad.length === 0 ? {} : withChecksum(AAD, aad)),
      });
      return readField(answer, 'plaintext');
    },
  });
}

/** Returns a field of a request, with its checksum. */
function withChecksum(field: string, bytes: Uint8Array): Readonly<Record<string, string>> {
  return { [field]: base64(bytes), [`${field}Crc32c`]: String(crc32c(bytes)) };
}

/** Reads a field of an answer, and verifies its checksum: a 64-bit number, which is a string in JSON. */
function readField(answer: unknown, field: string): Uint8Array {
  const bytes = fromBase64(member(answer, field));
  if (bytes === undefined || bytes.length === 0) throw invalidAnswer(KEY_SERVICE, `no ${field}`);
  if (member(answer, `${field}Crc32c`) === String(crc32c(bytes))) return bytes;
  bytes.fill(0);
  throw invalidAnswer(KEY_SERVICE, `a ${field} that was damaged on its way`);
}

function isVersionOf(keyName: string, versionName: unknown): boolean {
  const prefix = `${keyName}/cryptoKeyVersions/`;
  return (
    typeof versionName === 'string' &&
    versionName.startsWith(prefix) &&
    /^[1-9]\d*$/.test(versionName.slice(prefix.length))
  );
}

/** True if the external key manager failed: Google Cloud KMS reports that as a failed precondition. */
function isExternalFailure(body: unknown): boolean {
  const details = [member(member(body, 'error'), 'details')].flat();
  const violations = details.flatMap((detail) => [member(detail, 'violations')].flat());
  const types = violations.map((violation) => member(violation, 'type'));
  return types.some((type) => typeof type === 'string' && type.startsWith('EXTERNAL_'));
}

const KEY_SERVICE = 'Google Cloud KMS';
const DEFAULT_ADDRESS = 'https://cloudkms.googleapis.com';
const AAD = 'additionalAuthenticatedData';
const KEY_NAME =
  /^projects\/[a-z0-9][a-z0-9.:-]*\/locations\/[a-z0-9-]+\/keyRings\/[\w-]{1,63}\/cryptoKeys\/[\w-]{1,63}$/;
const GCP_KMS: JsonServiceKind = {
  keyService: KEY_SERVICE,
  headers: (token) => ({ authorization: `Bearer ${token}` }),
  reasonOf: (body) => knownWord(STATUSES, member(member(body, 'error'), 'status')),
  isOutage: (_, body) => isExternalFailure(body),
};
/** The names of google.rpc.Code. */
const STATUSES = [
  'ABORTED',
  'ALREADY_EXISTS',
  'CANCELLED',
  'DATA_LOSS',
  'DEADLINE_EXCEEDED',
  'FAILED_PRECONDITION',
  'INTERNAL',
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'OUT_OF_RANGE',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'UNAUTHENTICATED',
  'UNAVAILABLE',
  'UNIMPLEMENTED',
  'UNKNOWN',
];
