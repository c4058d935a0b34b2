import { type Duplex, Transform, type TransformCallback } from 'node:stream';
import type { ChunkTransform } from './chunks.ts';
import { assertTransform, pieces } from './stream.ts';

/**
 * A Node stream over an encryptor or decryptor, for `pipeline`. It fails, and never hangs, when the input ends too
 * early, and takes no more input than the reader takes output. Destroying it zeroes what it holds.
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
          for (const part of await transform.update(piece)) this.push(part);
        }
      }, done);
    },
    flush(done) {
      void settle(async () => {
        for (const part of await transform.final()) this.push(part);
      }, done);
    },
    destroy(error, done) {
      transform.abort();
      done(error);
    },
  });
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
