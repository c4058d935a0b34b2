import { XksException } from './xks-exception.ts';

/** Sizes of version 1 of the API, in bytes before base64 (XKS API v1, "Encrypt" and "Decrypt"). */
export const LIMITS = {
  maxBodyBytes: 65_536,
  /** No request of KMS is longer: the largest plaintext and AAD in base64, and metadata. */
  maxKmsBodyBytes: 24_576,
  maxPlaintextBytes: 4300,
  maxAdditionalAuthenticatedDataBytes: 8192,
  maxCiphertextMetadataBytes: 20,
  initializationVectorBytes: [12, 16],
  authenticationTagBytes: 16,
} as const satisfies Record<string, number | readonly number[]>;

/** A JSON object whose members are not checked yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Members of `requestMetadata` the proxy reads; KMS may send others, which are ignored (Appendix B). */
export type MetadataField = (typeof METADATA_FIELDS)[number];
/** The known fields of the KMS call behind a request. All values are opaque text. */
export type RequestMetadata = Readonly<Partial<Record<MetadataField, string>>>;

/** A parsed Encrypt request; its bytes are within the limits. */
export interface EncryptRequest {
  readonly plaintext: Buffer;
  readonly additionalAuthenticatedData: Buffer;
  readonly wantsIntegrityValue: boolean;
}

/** A parsed Decrypt request; its bytes have lengths that a ciphertext of this API can have. */
export interface DecryptRequest {
  readonly ciphertext: Buffer;
  readonly additionalAuthenticatedData: Buffer;
  readonly ciphertextMetadata: Buffer;
  readonly initializationVector: Buffer;
  readonly authenticationTag: Buffer;
}

/** Parses a request body: UTF-8 JSON with an object at the top, sent as `application/json`. */
export function parseBody(body: Uint8Array, contentType: string | undefined): JsonObject {
  if (!CONTENT_TYPE.test(contentType ?? '')) throw invalid('The Content-Type must be application/json.');
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(body));
  } catch {
    // The parser's own error quotes the text, which may hold a plaintext: it is not kept.
    throw invalid('The request body is not valid JSON.');
  }
  if (!isObject(value)) throw invalid('The request body must be a JSON object.');
  return value;
}

/** Parses `requestMetadata`; the `required` members must be strings, the others may be absent. */
export function parseRequestMetadata(body: JsonObject, required: readonly MetadataField[]): RequestMetadata {
  const value = body['requestMetadata'];
  if (!isObject(value)) throw invalid('requestMetadata must be an object.');
  const metadata: Partial<Record<MetadataField, string>> = {};
  for (const field of METADATA_FIELDS) {
    const text = optional(value, field);
    if (typeof text === 'string') metadata[field] = text;
    else if (text !== undefined || required.includes(field)) {
      throw invalid(`requestMetadata.${field} must be a string.`);
    }
  }
  return metadata;
}

/** Parses the members of an Encrypt request other than `requestMetadata`. */
export function parseEncryptRequest(body: JsonObject): EncryptRequest {
  requireValue(body, 'encryptionAlgorithm', 'AES_GCM');
  const wantsIntegrityValue = optional(body, 'ciphertextDataIntegrityValueAlgorithm') !== undefined;
  if (wantsIntegrityValue) requireValue(body, 'ciphertextDataIntegrityValueAlgorithm', 'SHA_256');
  return {
    plaintext: bounded(requiredBytes(body, 'plaintext'), 'plaintext', LIMITS.maxPlaintextBytes),
    additionalAuthenticatedData: aadBytes(body),
    wantsIntegrityValue,
  };
}

/**
 * Parses the members of a Decrypt request other than `requestMetadata`. Throws `ValidationException` for a member that is
 * not base64, and `InvalidCiphertextException` for bytes that cannot be part of any ciphertext.
 */
export function parseDecryptRequest(body: JsonObject): DecryptRequest {
  requireValue(body, 'encryptionAlgorithm', 'AES_GCM');
  const request = {
    ciphertext: bounded(requiredBytes(body, 'ciphertext'), 'ciphertext', LIMITS.maxPlaintextBytes),
    additionalAuthenticatedData: aadBytes(body),
    ciphertextMetadata: optionalBytes(body, 'ciphertextMetadata') ?? Buffer.alloc(0),
    initializationVector: requiredBytes(body, 'initializationVector'),
    authenticationTag: requiredBytes(body, 'authenticationTag'),
  };
  const { ciphertextMetadata, initializationVector, authenticationTag } = request;
  if (ciphertextMetadata.length > LIMITS.maxCiphertextMetadataBytes)
    throw invalidCiphertext('metadata-length');
  // Some tokens accept an initialization vector of any length, even none.
  if (!LIMITS.initializationVectorBytes.some((length) => length === initializationVector.length)) {
    throw invalidCiphertext('initialization-vector-length');
  }
  if (authenticationTag.length !== LIMITS.authenticationTagBytes) throw invalidCiphertext('tag-length');
  return request;
}

/** The one answer for every ciphertext that does not open; the reason is for the log. */
export function invalidCiphertext(reason: string, cause?: unknown): XksException {
  const message =
    'The ciphertext, its metadata or the additional authenticated data is not valid for this key.';
  return new XksException('InvalidCiphertextException', message, { reason, cause });
}

/** Bytes as the API writes them: standard base64, padded. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

const aadBytes = (body: JsonObject): Buffer => {
  const aad = optionalBytes(body, 'additionalAuthenticatedData') ?? Buffer.alloc(0);
  return bounded(aad, 'additionalAuthenticatedData', LIMITS.maxAdditionalAuthenticatedDataBytes);
};

function requiredBytes(body: JsonObject, field: string): Buffer {
  const bytes = optionalBytes(body, field);
  if (bytes === undefined || bytes.length === 0) throw invalid(`${field} is required.`);
  return bytes;
}

/** Bytes of standard base64 in its one canonical spelling: they must encode to the same text again. */
function optionalBytes(body: JsonObject, field: string): Buffer | undefined {
  const text = optional(body, field);
  if (text === undefined) return undefined;
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
  if (bytes?.toString('base64') !== text) throw invalid(`${field} must be standard base64.`);
  return bytes;
}

function bounded(bytes: Buffer, field: string, maxBytes: number): Buffer {
  if (bytes.length <= maxBytes) return bytes;
  const message = `${field} is larger than the ${maxBytes} bytes this proxy supports.`;
  throw new XksException('UnsupportedOperationException', message);
}

function requireValue(body: JsonObject, field: string, value: string): void {
  if (optional(body, field) !== value) throw invalid(`${field} must be ${value}.`);
}

// JSON null stands for an absent member.
const optional = (object: JsonObject, field: string): unknown =>
  Object.hasOwn(object, field) ? (object[field] ?? undefined) : undefined;
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const invalid = (message: string) => new XksException('ValidationException', message);

const UTF8 = new TextDecoder('utf-8', { fatal: true });
// RFC 9110, 8.3.1, with the one parameter that means anything here.
const CONTENT_TYPE = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?$/i;
const METADATA_FIELDS = [
  'awsPrincipalArn',
  'awsSourceVpc',
  'awsSourceVpce',
  'kmsKeyArn',
  'kmsOperation',
  'kmsRequestId',
  'kmsViaService',
] as const;
