import type { ChunkTransform } from './chunks.ts';
import { assertBytes } from './options.ts';

/**
 * A Web stream over an encryptor or decryptor. It fails, and never hangs, when the input ends too early.
 *
 * @example
 * response.body.pipeThrough(transformStream(client.decryptor({ keyring })))
 */
export function transformStream(transform: ChunkTransform): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream<Uint8Array, Uint8Array>({
    async transform(chunk, controller) {
      assertBytes(chunk, 'chunk');
      for (const piece of pieces(chunk)) enqueue(controller, await transform.update(piece));
    },
    async flush(controller) {
      enqueue(controller, await transform.final());
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
    assertBytes(chunk, 'chunk');
    for (const piece of pieces(chunk)) {
      const bytes = await transform.update(piece);
      if (bytes.length > 0) yield bytes;
    }
  }
  const rest = await transform.final();
  if (rest.length > 0) yield rest;
}

/** What comes out for a chunk must fit in memory a second time: long chunks go through in parts. */
export function* pieces(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let start = 0; start < chunk.length; start += MAX_PIECE_LENGTH) {
    yield chunk.subarray(start, start + MAX_PIECE_LENGTH);
  }
}

function enqueue(controller: TransformStreamDefaultController<Uint8Array>, bytes: Uint8Array): void {
  if (bytes.length > 0) controller.enqueue(bytes);
}

const MAX_PIECE_LENGTH = 2 ** 20;
