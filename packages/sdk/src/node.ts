import { type Duplex, Transform, type TransformCallback } from 'node:stream';
import type { ChunkTransform } from './chunks.ts';
import { outputOf, restOf } from './stream.ts';

/**
 * A Node stream over an encryptor or decryptor, for `pipeline`. It fails, and never hangs, when the input ends
 * too early, and takes no more input than the reader takes output.
 *
 * @example
 * await pipeline(createReadStream('in'), duplex(client.encryptor({ keyring })), createWriteStream('out'));
 */
export function duplex(transform: ChunkTransform): Duplex {
  return new Transform({
    transform(chunk: unknown, _encoding, done) {
      void settle(push(this, outputOf(transform, chunk)), done);
    },
    flush(done) {
      void settle(push(this, restOf(transform)), done);
    },
  });
}

async function push(stream: Transform, output: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of output) stream.push(bytes);
}

async function settle(work: Promise<void>, done: TransformCallback): Promise<void> {
  try {
    await work;
  } catch (error) {
    done(error instanceof Error ? error : new Error('the transformation failed', { cause: error }));
    return;
  }
  done();
}
