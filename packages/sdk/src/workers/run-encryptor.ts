import type { KeyObject } from 'node:crypto';
import type { MessageEncryptor } from '../encrypt-body.ts';
import { framesPerRun } from './frame-run.ts';
import type { RunQueue } from './run-queue.ts';

/** The body of a message whose regular frames are sealed by threads, run by run, and whose end by the message itself. */
export class RunEncryptor {
  readonly #message: MessageEncryptor;
  readonly #key: KeyObject;
  readonly #queue: RunQueue;
  readonly #runLength: number;
  /** Plaintext that waits to be a run, or to be the end. */
  #run: Uint8Array<ArrayBuffer>;
  #length = 0;
  #hasBegun = false;

  constructor(message: MessageEncryptor, key: KeyObject, queue: RunQueue) {
    this.#message = message;
    this.#key = key;
    this.#queue = queue;
    const { header } = message;
    this.#runLength = framesPerRun(header) * header.frameLength;
    this.#run = queue.memory(this.#runLength);
  }

  /** Takes a chunk and answers the part of the message that is ready. */
  async update(chunk: Uint8Array): Promise<readonly Uint8Array[]> {
    const out: Uint8Array[] = [];
    await this.#begin(out);
    for (let offset = 0; offset < chunk.length; ) {
      // Not before more comes: the last frame is a final one.
      if (this.#length === this.#runLength) this.#handOver();
      const piece = chunk.subarray(offset, offset + this.#runLength - this.#length);
      this.#run.set(piece, this.#length);
      this.#length += piece.length;
      offset += piece.length;
      for (let ready = await this.#queue.shift(); ready; ready = await this.#queue.shift()) {
        await this.#put(ready, out);
      }
    }
    return out;
  }

  /** Ends the plaintext and answers the rest of the message. */
  async final(): Promise<readonly Uint8Array[]> {
    const out: Uint8Array[] = [];
    await this.#begin(out);
    for (let ready = await this.#queue.next(); ready; ready = await this.#queue.next()) {
      await this.#put(ready, out);
    }
    const rest = this.#run.subarray(0, this.#length);
    out.push(...(await this.#message.update(rest)), ...(await this.#message.final()));
    rest.fill(0);
    return out;
  }

  /** Gives up: drops and zeroes plaintext. */
  wipe(): void {
    this.#run.fill(0);
    this.#queue.wipe();
    this.#message.wipe();
  }

  /** The header comes first. */
  async #begin(out: Uint8Array[]): Promise<void> {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    out.push(...(await this.#message.update(new Uint8Array(0))));
  }

  #handOver(): void {
    const { header } = this.#message;
    const { suite, messageId, contentType, frameLength } = header;
    this.#queue.push({
      kind: 'seal',
      key: this.#key,
      format: { suite, messageId, contentType, frameLength },
      sequenceNumber: this.#message.skip(framesPerRun(header)),
      bytes: this.#run,
    });
    this.#run = this.#queue.memory(this.#runLength);
    this.#length = 0;
  }

  async #put(sealed: Uint8Array, out: Uint8Array[]): Promise<void> {
    await this.#message.adopt(sealed);
    out.push(sealed);
  }
}
