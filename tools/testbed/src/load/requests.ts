import { randomUUID } from 'node:crypto';
import aws4 from 'aws4';
import type { NextRequest } from './loops.ts';

/** Who calls. */
export interface Caller {
  readonly credential: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly region: string;
  readonly host: string;
}

/** Sizes in bytes. AWS KMS sends some 160 and 120; the most that the API allows are 4300 and 8192. */
export interface RequestSizes {
  readonly plaintextBytes: number;
  readonly aadBytes: number;
}

/** The bytes of a signed Encrypt request with an integrity value, as AWS KMS sends it. Good for five minutes. */
export function encryptRequest(path: string, sizes: RequestSizes, caller: Caller): Uint8Array {
  const body = encryptBody(sizes);
  const { headers } = aws4.sign(
    {
      method: 'POST',
      host: caller.host,
      path,
      service: 'kms-xks-proxy',
      region: caller.region,
      headers: {
        Host: caller.host,
        'Content-Type': 'application/json',
        'Content-Length': String(body.length),
      },
      // AWS KMS signs `host` and `x-amz-date`.
      extraHeadersToIgnore: { 'content-type': true, 'content-length': true },
      body,
    },
    caller.credential,
  );
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from([`POST ${path} HTTP/1.1`, ...lines, '', body].join('\r\n'), 'latin1');
}

/** Signed requests for one or several paths, over and over: signing each anew would cost the machine more than answering it. */
export function requestPool(paths: readonly string[], sizes: RequestSizes, caller: Caller): NextRequest {
  const requests = Array.from({ length: Math.max(64, paths.length) }, (_, index) =>
    encryptRequest(paths[index % paths.length] ?? '', sizes, caller),
  );
  const none = new Uint8Array(0);
  let sent = 0;
  return () => {
    sent += 1;
    return requests[sent % requests.length] ?? none;
  };
}

/** The body of such a request, in ASCII. */
function encryptBody({ plaintextBytes, aadBytes }: RequestSizes): string {
  return JSON.stringify({
    requestMetadata: {
      awsPrincipalArn: 'arn:aws:iam::123456789012:user/Alice',
      kmsKeyArn: 'arn:aws:kms:eu-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab',
      kmsOperation: 'Encrypt',
      kmsRequestId: randomUUID(),
    },
    plaintext: Buffer.alloc(plaintextBytes, 7).toString('base64'),
    additionalAuthenticatedData: Buffer.alloc(aadBytes, 8).toString('base64'),
    encryptionAlgorithm: 'AES_GCM',
    ciphertextDataIntegrityValueAlgorithm: 'SHA_256',
  });
}

/** What most of KMS's requests are like. */
export const SMALL = { plaintextBytes: 160, aadBytes: 120 } as const satisfies RequestSizes;
/** The largest that the API has (XKS API v1, "Encrypt"). */
export const LARGEST = { plaintextBytes: 4300, aadBytes: 8192 } as const satisfies RequestSizes;
