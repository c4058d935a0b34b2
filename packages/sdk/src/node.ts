import { type Duplex, Transform, type TransformCallback } from 'node:stream';
import { isBytes } from './bytes.ts';
import type { ChunkTransform } from './chunks.ts';
import { pieces } from './stream.ts';

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
      void settle(update(this, transform, chunk), done);
    },
    flush(done) {
      void settle(final(this, transform), done);
    },
  });
}

async function update(stream: Transform, transform: ChunkTransform, chunk: unknown): Promise<void> {
  if (!isBytes(chunk)) throw new TypeError('chunk: expected a Uint8Array');
  for (const piece of pieces(chunk)) push(stream, await transform.update(piece));
}

async function final(stream: Transform, transform: ChunkTransform): Promise<void> {
  push(stream, await transform.final());
}

function push(stream: Transform, bytes: Uint8Array): void {
  if (bytes.length > 0) stream.push(bytes);
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
