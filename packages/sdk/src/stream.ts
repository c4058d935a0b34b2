import { isBytes } from './bytes.ts';
import type { ChunkTransform } from './chunks.ts';

/**
 * A Web stream over an encryptor or decryptor. It fails, and never hangs, when the input ends too early.
 *
 * @example
 * response.body.pipeThrough(transformStream(client.decryptor({ keyring })))
 */
export function transformStream(transform: ChunkTransform): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream<Uint8Array, Uint8Array>({
    async transform(chunk, controller) {
      for await (const bytes of outputOf(transform, chunk)) controller.enqueue(bytes);
    },
    async flush(controller) {
      for await (const bytes of restOf(transform)) controller.enqueue(bytes);
    },
  });
}

/**
 * Runs bytes from an iterable, sync or async, through an encryptor or decryptor.
 *
 * @example
 * for await (const part of iterate(client.encryptor({ keyring }), chunks)) await send(part);
 */
export async function* iterate(
  transform: ChunkTransform,
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) yield* outputOf(transform, chunk);
  yield* restOf(transform);
}

/**
 * What comes out for a chunk, empty output left out. It must fit in memory a second time: long chunks go through
 * in parts.
 *
 * @throws TypeError for a chunk that is not bytes
 */
export async function* outputOf(transform: ChunkTransform, chunk: unknown): AsyncGenerator<Uint8Array, void> {
  if (!isBytes(chunk)) throw new TypeError('chunk: expected a Uint8Array');
  for (let start = 0; start < chunk.length; start += MAX_PIECE_LENGTH) {
    const bytes = await transform.update(chunk.subarray(start, start + MAX_PIECE_LENGTH));
    if (bytes.length > 0) yield bytes;
  }
}

/** What comes out when the input has ended. */
export async function* restOf(transform: ChunkTransform): AsyncGenerator<Uint8Array, void> {
  const bytes = await transform.final();
  if (bytes.length > 0) yield bytes;
}

const MAX_PIECE_LENGTH = 2 ** 20;
