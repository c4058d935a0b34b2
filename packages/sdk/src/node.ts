import { type Duplex, Transform, type TransformCallback } from 'node:stream';
import type { ChunkTransform } from './chunks.ts';
import { assertTransform, handedOut, pieces } from './stream.ts';

/**
 * A Node stream over an encryptor or decryptor, for `pipeline`. It fails, and never hangs, when the input ends too
 * early, and takes no more input than the reader takes output. Destroying it zeroes what it holds, and output that its
 * reader did not take.
 *
 * To end a `pipeline` early, destroy the stream with an error, or abort the pipeline by its signal: as with any stream
 * of Node, the pipeline may never settle if the stream is destroyed without an error when its input has ended already.
 *
 * @example
 * await pipeline(createReadStream('in'), duplex(client.encryptor({ keyring })), createWriteStream('out'));
 */
export function duplex(transform: ChunkTransform): Duplex {
  assertTransform(transform);
  const output = new Output();
  return new Transform({
    highWaterMark: HIGH_WATER_MARK,
    transform(chunk: unknown, _encoding, done) {
      void settle(async () => {
        for (const piece of pieces(chunk)) {
          for (const part of handedOut(await transform.update(piece))) output.push(this, part);
        }
      }, done);
    },
    flush(done) {
      void settle(async () => {
        for (const part of handedOut(await transform.final())) output.push(this, part);
      }, done);
    },
    destroy(error, done) {
      transform.abort();
      output.wipeEnd(this.readableLength);
      done(error);
    },
  });
}

/** The arrays that may be in the queue of a stream still. They are not kept alive for those that its reader took. */
class Output {
  readonly #arrays: {
    readonly memory: WeakRef<ArrayBuffer>;
    readonly end: number;
    readonly length: number;
  }[] = [];
  #length = 0;

  push(stream: Duplex, part: Uint8Array<ArrayBuffer>): void {
    // A listener has destroyed it since the call before.
    if (stream.destroyed) return void part.fill(0);
    const { buffer, byteOffset, length } = part;
    this.#arrays.push({ memory: new WeakRef(buffer), end: byteOffset + length, length });
    this.#length += length;
    stream.push(part);
    for (let [first] = this.#arrays; first !== undefined; [first] = this.#arrays) {
      if (this.#length - first.length < stream.readableLength) break;
      this.#arrays.shift();
      this.#length -= first.length;
    }
  }

  /** Zeroes the last `length` bytes: the stream keeps arrays as they are, and its queue is a first-in, first-out one. */
  wipeEnd(length: number): void {
    let left = length;
    for (const array of this.#arrays.splice(0).reverse()) {
      const taken = Math.min(left, array.length);
      const memory = array.memory.deref();
      // Its reader may have got the beginning of the array, and handed its memory over to a thread.
      const isThere = memory !== undefined && memory.byteLength >= array.end;
      if (isThere) new Uint8Array(memory).fill(0, array.end - taken, array.end);
      left -= taken;
    }
    this.#length = 0;
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
