import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Credential } from './target.ts';

/** What is signed, and with what. AWS KMS signs `host` and `x-amz-date`. */
export interface SigningInput {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Headers to sign besides `x-amz-date`, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signsDate: boolean;
  readonly body: Uint8Array;
  readonly credential: Credential;
  readonly region: string;
  readonly service: string;
  readonly date: Date;
}

/** The `authorization` and `x-amz-date` headers of a request, made by AWS's own implementation of SigV4. */
export async function signRequest(
  input: SigningInput,
): Promise<{ readonly authorization: string; readonly 'x-amz-date': string }> {
  const signer = new SignatureV4({
    credentials: input.credential,
    region: input.region,
    service: input.service,
    sha256: Sha256,
    applyChecksum: false,
    uriEscapePath: false,
  });
  const request = {
    method: input.method,
    protocol: 'https:',
    hostname: input.headers['host'] ?? '',
    path: input.path,
    query: { ...input.query },
    headers: { ...input.headers },
    body: input.body,
  };
  const unsigned = input.signsDate ? [] : ['x-amz-date'];
  const { headers } = await signer.sign(request, {
    signingDate: input.date,
    unsignableHeaders: new Set(unsigned),
  });
  return { authorization: headers['authorization'] ?? '', 'x-amz-date': headers['x-amz-date'] ?? '' };
}

/** The hash that the signer is given, by node:crypto. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash | typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytes(secret));
  }

  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('a hash of node:crypto starts once');
  }
}

function bytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array | string {
  if (typeof data === 'string') return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}
