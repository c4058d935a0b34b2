import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isRegion } from '../arn.ts';
import { KmsException } from '../kms-exception.ts';
import type { Caller } from '../policy/caller.ts';
import type { KnownAccessKey } from './principal-directory.ts';

/** A `POST /` as it came in, with its whole body. */
export interface SignedRequest {
  /** Every value of every header, by its name in lower case. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** What a verified signature proves. */
interface Signer {
  readonly caller: Caller;
  readonly accessKeyId: string;
  /** The Region of the credential scope, which is the Region of the request. */
  readonly region: string;
}

/**
 * Verifies Signature Version 4 in the Authorization header and returns whose access key signed. Throws
 * MissingAuthenticationToken without a signature, IncompleteSignatureException for one that cannot be read,
 * UnrecognizedClientException for an unknown key or session token, and InvalidSignatureException for a request that
 * is signed for another service, for no Region, at another time, or wrongly.
 */
export function verifySignature(
  { headers, body }: SignedRequest,
  accessKeyOf: (id: string) => KnownAccessKey | undefined,
  now: Date,
): Signer {
  const [authorization, ...others] = headers['authorization'] ?? [];
  if (authorization === undefined) {
    throw new KmsException('MissingAuthenticationToken', 'The request is not signed.');
  }
  const { accessKeyId, day, region, service, signedHeaders, signature } = partsOf(authorization, others);
  const header = (name: string): string => onlyValue(headers, name);
  const date = header('x-amz-date');
  assertCovered(headers, signedHeaders);
  const accessKey = accessKeyOf(accessKeyId);
  if (!accessKey || accessKey.sessionToken !== headers['x-amz-security-token']?.[0]) {
    throw new KmsException(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  }
  if (service !== SERVICE) throw invalid(`Credential should be scoped to correct service: '${SERVICE}'.`);
  if (!isRegion(region)) throw invalid('Credential should be scoped to a valid region.');
  assertRecent(date, day, now);
  const canonicalRequest = [
    'POST',
    '/',
    '',
    ...signedHeaders.map((name) => `${name}:${header(name).trim().replaceAll(/ +/g, ' ')}`),
    '',
    signedHeaders.join(';'),
    sha256(body),
  ].join('\n');
  const scope = [day, region, service, TERMINATOR];
  const stringToSign = [ALGORITHM, date, scope.join('/'), sha256(canonicalRequest)].join('\n');
  const signingKey = scope.reduce<string | Buffer>(hmac, `AWS4${accessKey.secretAccessKey}`);
  if (!timingSafeEqual(hmac(signingKey, stringToSign), Buffer.from(signature, 'hex'))) {
    throw invalid('The request signature we calculated does not match the signature you provided.');
  }
  return { caller: accessKey.caller, accessKeyId, region };
}

function partsOf(authorization: string, others: readonly string[]) {
  const [, accessKeyId, day, region, service, list, signature] = AUTHORIZATION.exec(authorization) ?? [];
  if (!accessKeyId || !day || !region || !service || !list || !signature || others.length > 0) {
    throw incomplete('The Authorization header is not one of Signature Version 4.');
  }
  const signedHeaders = list.split(';');
  if (signedHeaders.some((name, index) => index > 0 && name <= (signedHeaders[index - 1] ?? ''))) {
    throw incomplete('The signed headers are not in order.');
  }
  return { accessKeyId, day, region, service, signedHeaders, signature };
}

/** These headers say what a request means, so the signature has to cover each of them. */
function assertCovered(headers: SignedRequest['headers'], signedHeaders: readonly string[]): void {
  const owed = Object.keys(headers).filter((name) => name === 'host' || OWED.test(name));
  const open = ['host', 'x-amz-date', ...owed].find((name) => !signedHeaders.includes(name));
  if (open !== undefined) throw invalid(`The header ${open} has to be signed.`);
}

function onlyValue(headers: SignedRequest['headers'], name: string): string {
  const [value, ...others] = headers[name] ?? [];
  if (value !== undefined && others.length === 0) return value;
  throw incomplete(`The header ${name} is expected once.`);
}

function assertRecent(date: string, day: string, now: Date): void {
  const signedAt = Date.parse(date.replace(DATE, '$1-$2-$3T$4:$5:$6Z'));
  if (!DATE.test(date) || Number.isNaN(signedAt) || !date.startsWith(day)) {
    throw invalid(
      'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.',
    );
  }
  const aheadMs = signedAt - now.getTime();
  if (aheadMs < -MAX_SKEW_MS) throw invalid(`Signature expired: ${date} is more than 5 minutes ago.`);
  if (aheadMs > MAX_SKEW_MS)
    throw invalid(`Signature not yet current: ${date} is more than 5 minutes ahead.`);
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function incomplete(message: string): KmsException {
  return new KmsException('IncompleteSignatureException', message);
}

function invalid(message: string): KmsException {
  return new KmsException('InvalidSignatureException', message);
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 'kms';
const TERMINATOR = 'aws4_request';
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=(\w{1,128})\/(\d{8})\/([a-z0-9-]{1,32})\/([a-z0-9-]{1,32})\/aws4_request, ?SignedHeaders=([a-z0-9;-]{1,1024}), ?Signature=([0-9a-f]{64})$/;
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const OWED = /^x-amz-(target|security-token)$/;
const MAX_SKEW_MS = 300_000;
