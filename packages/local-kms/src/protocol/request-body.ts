import type { Readable } from 'node:stream';
import { KmsException } from '../kms-exception.ts';

/** All bytes of a request. Throws RequestEntityTooLargeException as soon as there are more than `maxBytes`. */
export async function readBody(request: Readable, maxBytes: number): Promise<Uint8Array> {
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
