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
      for (const piece of pieces(chunk)) {
        for (const part of await transform.update(piece)) controller.enqueue(part);
      }
    },
    async flush(controller) {
      for (const part of await transform.final()) controller.enqueue(part);
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
  for await (const chunk of source) {
    for (const piece of pieces(chunk)) yield* await transform.update(piece);
  }
  yield* await transform.final();
}

/**
 * A long chunk in parts, for what becomes of it has to fit in memory a second time.
 *
 * @throws TypeError for a chunk that is not bytes
 */
export function pieces(chunk: unknown): readonly Uint8Array[] {
  if (!isBytes(chunk)) throw new TypeError('chunk: expected a Uint8Array');
  if (chunk.length <= MAX_PIECE_LENGTH) return [chunk];
  const count = Math.ceil(chunk.length / MAX_PIECE_LENGTH);
  return Array.from({ length: count }, (_, i) =>
    chunk.subarray(i * MAX_PIECE_LENGTH, (i + 1) * MAX_PIECE_LENGTH),
  );
}

const MAX_PIECE_LENGTH = 2 ** 20;
