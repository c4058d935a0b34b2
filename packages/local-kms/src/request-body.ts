import { KmsError } from './errors.ts';

/** The bytes of a request's body. Throws RequestEntityTooLargeException as soon as there are more than `maxBytes`. */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body: AsyncIterable<Uint8Array> | readonly Uint8Array[] = request.body ?? [];
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new KmsError('RequestEntityTooLargeException', `A request has at most ${maxBytes} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
