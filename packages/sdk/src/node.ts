import { type Duplex, Transform, type TransformCallback } from 'node:stream';
import type { ChunkTransform } from './chunks.ts';
import { assertTransform, pieces } from './stream.ts';

/**
 * A Node stream over an encryptor or decryptor, for `pipeline`. It fails, and never hangs, when the input ends too
 * early, and takes no more input than the reader takes output. Destroying it zeroes what it holds; but not the output in
 * its queue, which Node may hand to readers even then.
 *
 * To end a `pipeline` early, destroy the stream with an error, or abort the pipeline by its signal: as with any stream
 * of Node, the pipeline may never settle if the stream is destroyed without an error when its input has ended already.
 *
 * @example
 * await pipeline(createReadStream('in'), duplex(client.encryptor({ keyring })), createWriteStream('out'));
 */
export function duplex(transform: ChunkTransform): Duplex {
  assertTransform(transform);
  return new Transform({
    highWaterMark: HIGH_WATER_MARK,
    transform(chunk: unknown, _encoding, done) {
      void settle(async () => {
        for (const piece of pieces(chunk)) {
          pushAll(this, await transform.update(piece));
        }
      }, done);
    },
    flush(done) {
      void settle(async () => {
        pushAll(this, await transform.final());
      }, done);
    },
    destroy(error, done) {
      transform.abort();
      done(error);
    },
  });
}

function pushAll(stream: Duplex, parts: readonly Uint8Array<ArrayBuffer>[]): void {
  for (const part of parts) {
    // A listener may have destroyed it since the part before.
    if (stream.destroyed) part.fill(0);
    else stream.push(part);
  }
}

async function settle(work: () => Promise<void>, done: TransformCallback): Promise<void> {
  try {
    await work();
  } catch (error) {
    done(error instanceof Error ? error : new Error('the transformation failed', { cause: error }));
    return;
  }
  done();
}

/**
 * Bytes, in each direction. A chunk of a file exceeds Node's default, with which source and sink would stop at every
 * chunk.
 */
const HIGH_WATER_MARK = 2 ** 18;
