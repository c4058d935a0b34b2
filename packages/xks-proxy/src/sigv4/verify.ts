import { createHmac, timingSafeEqual } from 'node:crypto';
import { XksException } from '../xks-exception.ts';
import { type Authorization, parseAuthorization } from './authorization.ts';
import { canonicalRequestHash, type RequestHead, sha256Hex } from './canonical-request.ts';
import { SERVICE, type SigningKeys, TERMINATOR } from './signing-keys.ts';

/** The callers to accept, their regions, and the time. */
export interface VerifyOptions {
  readonly credentials: ReadonlyMap<string, SigningKeys>;
  readonly regions: ReadonlySet<string>;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** The check that refused a request; it is logged, never part of the answer. */
type RefusalReason =
  | 'authorization-missing'
  | 'authorization-malformed'
  | 'header-repeated'
  | 'access-key-unknown'
  | 'scope-mismatch'
  | 'date-malformed'
  | 'clock-skew'
  | 'signed-headers-invalid'
  | 'content-hash-mismatch'
  | 'signature-mismatch';

/** Verifies the signature of a request, whose head has passed, over its body; returns the access key id that signed. */
export type BodyVerification = (body: Uint8Array) => string;

/**
 * Verifies the SigV4 signature of a raw request (XKS API v1, Appendix A): the head at once, and the rest with the returned
 * function. The head comes first so that no body is read, and no memory reserved, for a caller that does not even know an
 * access key id. Every refusal throws the same `AuthenticationFailedException`; only its `reason` differs.
 */
export function verifySignature(head: RequestHead, options: VerifyOptions): BodyVerification {
  const headers = collectHeaders(head.rawHeaders);
  const header = headers.get('authorization');
  if (header === undefined) throw refused('authorization-missing');
  const authorization = parseAuthorization(header);
  if (authorization === undefined) throw refused('authorization-malformed');

  const { accessKeyId, date, region, service, terminator, signedHeaders } = authorization;
  const credential = options.credentials.get(accessKeyId);
  if (credential === undefined) throw refused('access-key-unknown');
  if (service !== SERVICE || terminator !== TERMINATOR) throw refused('scope-mismatch');
  if (!options.regions.has(region)) throw refused('scope-mismatch');

  const timestamp = headers.get('x-amz-date') ?? '';
  const signedAtMs = parseTimestamp(timestamp);
  if (signedAtMs === undefined) throw refused('date-malformed');
  if (timestamp.slice(0, 8) !== date) throw refused('scope-mismatch');
  if (Math.abs(options.nowMs - signedAtMs) > MAX_SKEW_MS) throw refused('clock-skew');

  if (!REQUIRED_SIGNED_HEADERS.every((name) => signedHeaders.includes(name)))
    throw refused('signed-headers-invalid');
  if (!isCanonicalList(signedHeaders, headers)) throw refused('signed-headers-invalid');

  return (body) => {
    const bodyHash = sha256Hex(body);
    // The header of an unsigned or streaming payload, like a wrong hash, differs from the hash of the body.
    if ((headers.get('x-amz-content-sha256') ?? bodyHash) !== bodyHash)
      throw refused('content-hash-mismatch');

    const { method, path } = head;
    const hash = canonicalRequestHash({ method, path, bodyHash }, signedHeaders, headers);
    const expected = sign(credential, authorization, timestamp, hash);
    if (!timingSafeEqual(expected, authorization.signature)) throw refused('signature-mismatch');
    return accessKeyId;
  };
}

/** Headers by name. Throws if a header that decides anything is repeated, whether it is signed or not. */
function collectHeaders(rawHeaders: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  const repeated = new Set<string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    if (headers.has(name)) repeated.add(name);
    headers.set(name, rawHeaders[index + 1] ?? '');
  }
  if (SINGLE_HEADERS.some((name) => repeated.has(name))) throw refused('header-repeated');
  // Any other repeated header is harmless as long as nothing relies on it: removed here, it cannot be signed.
  for (const name of repeated) headers.delete(name);
  return headers;
}

function isCanonicalList(names: readonly string[], headers: ReadonlyMap<string, string>): boolean {
  return names.every((name, index) => {
    const previous = names[index - 1];
    return HEADER_NAME.test(name) && headers.has(name) && (previous === undefined || previous < name);
  });
}

function parseTimestamp(text: string): number | undefined {
  const parts = TIMESTAMP.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const isTime = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
  const monthIndex = Number(month) - 1;
  const timeMs = Date.UTC(
    Number(year),
    monthIndex,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  // Date.UTC takes 30 February for 2 March.
  return isTime && new Date(timeMs).getUTCMonth() === monthIndex ? timeMs : undefined;
}

function sign(
  credential: SigningKeys,
  { date, region, scope }: Authorization,
  timestamp: string,
  hash: string,
) {
  const stringToSign = `${ALGORITHM}\n${timestamp}\n${scope}\n${hash}`;
  return createHmac('sha256', credential.signingKey(date, region)).update(stringToSign).digest();
}

const refused = (reason: RefusalReason) =>
  new XksException('AuthenticationFailedException', 'The request could not be authenticated.', { reason });

const ALGORITHM = 'AWS4-HMAC-SHA256';
const MAX_SKEW_MS = 5 * 60 * 1000;
const REQUIRED_SIGNED_HEADERS = ['host', 'x-amz-date'] as const;
const SINGLE_HEADERS = [
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
  'x-amz-content-sha256',
  'x-amz-date',
] as const;
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const TIMESTAMP = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;
