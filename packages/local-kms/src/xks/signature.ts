import { createHmac, hash } from 'node:crypto';
import { SERVICE, TERMINATOR, type XksCredential } from './credential.ts';

/** The parts of an XKS request that its signature covers. */
export interface SignableRequest {
  /** Host name, as sent in the Host header. */
  readonly host: string;
  /** Absolute path without a query; XKS paths need no percent-encoding. */
  readonly path: string;
  readonly body: string;
}

/** The headers that authenticate one request. */
export interface SignatureHeaders {
  readonly 'x-amz-date': string;
  readonly authorization: string;
}

/** Signs a POST as AWS KMS does: SigV4 over `host;x-amz-date` and the body (XKS API, Appendix A). */
export function signXksRequest(
  { host, path, body }: SignableRequest,
  credential: XksCredential,
  region: string,
  now: Date,
): SignatureHeaders {
  const date = now.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const day = date.slice(0, 8);
  const scope = `${day}/${region}/${SERVICE}/${TERMINATOR}`;
  const canonicalRequest = [
    'POST',
    path,
    '',
    `host:${host}`,
    `x-amz-date:${date}`,
    '',
    SIGNED_HEADERS,
    hash('sha256', body),
  ].join('\n');
  const stringToSign = [ALGORITHM, date, scope, hash('sha256', canonicalRequest)].join('\n');
  const signature = createHmac('sha256', credential.signingKey(day, region))
    .update(stringToSign)
    .digest('hex');
  return {
    'x-amz-date': date,
    authorization:
      `${ALGORITHM} Credential=${credential.accessKeyId}/${scope}, ` +
      `SignedHeaders=${SIGNED_HEADERS}, Signature=${signature}`,
  };
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SIGNED_HEADERS = 'host;x-amz-date';
