import type { IncomingMessage } from 'node:http';
import { KmsException } from '../kms-exception.ts';
import { peerAddress } from '../peer-address.ts';

// What a request of the AWS JSON 1.1 protocol says in its headers and its body.

/** The operation that a request names; `Unknown` where it names none, which is what the log calls it. */
export function operationName({ method, url, headers }: IncomingMessage): string {
  const [, name] = TARGET.exec(String(headers['x-amz-target'])) ?? [];
  return method === 'POST' && url === '/' && name !== undefined ? name : 'Unknown';
}

/**
 * The Region that a request is signed for, from the credential scope of its Authorization header (Signature
 * Version 4); undefined where the header is absent or names none. The signature itself is not looked at.
 */
export function signedRegion(authorization: string | undefined): string | undefined {
  if (!authorization?.startsWith('AWS4-HMAC-SHA256 ')) return undefined;
  return CREDENTIAL.exec(authorization)?.[1];
}

/** Where a request comes from. */
export interface RequestOrigin {
  readonly sourceIp: string | undefined;
  readonly userAgent: string | undefined;
}

/** As the connection and the headers say. */
export function originOf({ socket, headers }: IncomingMessage): RequestOrigin {
  return { sourceIp: peerAddress(socket)?.replace(/^::ffff:/, ''), userAgent: headers['user-agent'] };
}

/** All bytes of a request. Throws RequestEntityTooLargeException as soon as there are more than `maxBytes`. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Ending the stream early would end the connection before the refusal is sent.
  const bytes: AsyncIterable<Uint8Array> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new KmsException('RequestEntityTooLargeException', `A request has at most ${maxBytes} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/**
 * Parses the JSON of a body. Every string in it has a UTF-8 form: any other would become another string where it is stored.
 * Throws SerializationException.
 */
export function parseJson(body: Uint8Array): unknown {
  try {
    const text = UTF_8.decode(body);
    return JSON.parse(text, SURROGATE.test(text) ? wellFormed : undefined);
  } catch {
    // Without the cause, whose message quotes the body.
    throw new KmsException('SerializationException', 'The body of a request is a JSON object in UTF-8.');
  }
}

function wellFormed(name: string, value: unknown): unknown {
  if (name.isWellFormed() && (typeof value !== 'string' || value.isWellFormed())) return value;
  throw new TypeError('text: expected no surrogate without its other half');
}

const TARGET = /^TrentService\.([A-Za-z]{1,64})$/;
const CREDENTIAL =
  /[ ,]Credential=[^/,\s]+\/\d{8}\/(?=[^/]{1,32}\/)((?:[a-z]+-){2,3}\d+)\/kms\/aws4_request(?:[,\s]|$)/;
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
// An escaped half of a surrogate pair. UTF-8 has no other way to write one.
const SURROGATE = /\\ud[89a-f]/i;
