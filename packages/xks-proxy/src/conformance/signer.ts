import { createHash, createHmac } from 'node:crypto';
import type { Credential } from './target.ts';

/** A request to sign, and the credential. AWS KMS signs `host` and `x-amz-date`. */
export interface SigningInput {
  readonly method: string;
  readonly path: string;
  /** Headers to sign besides `x-amz-date`, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signsDate: boolean;
  readonly body: Uint8Array;
  readonly credential: Credential;
  readonly region: string;
  readonly service: string;
  readonly date: Date;
}

/**
 * The `authorization` and `x-amz-date` headers of a request (XKS API v1, Appendix A). It shares no code with the proxy's
 * verification: a mistake in shared code would not be found.
 */
export function signRequest(input: SigningInput): Readonly<Record<'authorization' | 'x-amz-date', string>> {
  const timestamp = input.date.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const scope = [timestamp.slice(0, 8), input.region, input.service, 'aws4_request'];
  const headers = { ...input.headers, ...(input.signsDate && { 'x-amz-date': timestamp }) };
  const lines = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = lines.map(([name]) => name).join(';');
  const canonicalRequest = [
    input.method,
    input.path,
    '',
    ...lines.map((line) => line.join(':')),
    '',
    names,
    // For a payload that is declared unsigned, that declaration takes the place of the hash.
    input.headers['x-amz-content-sha256'] ?? sha256Hex(input.body),
  ];
  const stringToSign = [ALGORITHM, timestamp, scope.join('/'), sha256Hex(canonicalRequest.join('\n'))];
  const signingKey = scope.reduce<Buffer>(hmac, Buffer.from(`AWS4${input.credential.secretAccessKey}`));
  const signature = hmac(signingKey, stringToSign.join('\n')).toString('hex');
  const credential = [input.credential.accessKeyId, ...scope].join('/');
  return {
    authorization: `${ALGORITHM} Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
    'x-amz-date': timestamp,
  };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
