import { fullSubarray, wipeAll } from './bytes.ts';
import type { ChunkTransform } from './chunks.ts';
import { assertBytes } from './options.ts';

/**
 * A Web stream over an encryptor or decryptor. It fails, and never hangs, when the input ends too early. When the
 * stream is aborted or cancelled, so is the transformation, as on Node, if the runtime reports it; browsers do not yet.
 * The output that waits in the queue of the stream then is dropped by the runtime, and not zeroed.
 *
 * @throws TypeError where `TransformStream` ignores its transformer and passes everything through unchanged, as on
 *   Cloudflare Workers with a compatibility date before 2022-11-30
 * @example
 * response.body.pipeThrough(transformStream(client.decryptor({ keyring })))
 */
export function transformStream(
  transform: ChunkTransform,
): TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  assertTransform(transform);
  let isHeeded = false;
  const transformer = {
    start: () => void (isHeeded = true),
    async transform(
      chunk: Uint8Array,
      controller: TransformStreamDefaultController<Uint8Array<ArrayBuffer>>,
    ) {
      try {
        for (const piece of pieces(chunk)) {
          for (const part of handedOut(await transform.update(piece))) controller.enqueue(part);
        }
      } catch (error) {
        // A chunk that is not bytes never gets to the transformation, which would keep what it holds.
        transform.abort();
        throw error;
      }
    },
    async flush(controller: TransformStreamDefaultController<Uint8Array<ArrayBuffer>>) {
      for (const part of handedOut(await transform.final())) controller.enqueue(part);
    },
    cancel: () => transform.abort(),
  };
  const stream = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>(transformer);
  if (!isHeeded) throw new TypeError('TransformStream: expected one that calls its transformer');
  return stream;
}

/**
 * Runs bytes from an iterable, sync or async, through an encryptor or decryptor, which is aborted when the source fails
 * or the consumer stops early. Output that the consumer did not take is zeroed.
 *
 * @example
 * for await (const part of iterate(client.encryptor({ keyring }), chunks)) await send(part);
 */
export async function* iterate(
  transform: ChunkTransform,
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  assertTransform(transform);
  try {
    for await (const chunk of source) {
      for (const piece of pieces(chunk)) yield* handedOut(await transform.update(piece));
    }
    yield* handedOut(await transform.final());
  } finally {
    transform.abort();
  }
}

/** Yields the arrays one by one, and zeroes those that are left if the caller stops early. */
function* handedOut(
  parts: readonly Uint8Array<ArrayBuffer>[],
): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
  let next = 0;
  try {
    for (const part of parts) {
      next += 1;
      yield part;
    }
  } finally {
    wipeAll(parts.slice(next));
  }
}

/** @throws TypeError for anything but an encryptor or decryptor */
export function assertTransform(transform: ChunkTransform): void {
  if (typeof transform?.update === 'function') return;
  throw new TypeError('transform: expected an encryptor or decryptor');
}

/**
 * Splits a long chunk, because its output has to fit in memory beside it. An empty chunk is one piece.
 *
 * @throws TypeError for a chunk that is not bytes, or was shortened before its last piece was asked for
 */
export function* pieces(chunk: unknown): Generator<Uint8Array, void> {
  assertBytes(chunk, 'chunk');
  const { length } = chunk;
  let end = 0;
  do {
    const start = end;
    end = Math.min(length, start + MAX_PIECE_LENGTH);
    yield fullSubarray(chunk, start, end);
  } while (end < length);
}

const MAX_PIECE_LENGTH = 2 ** 20;
