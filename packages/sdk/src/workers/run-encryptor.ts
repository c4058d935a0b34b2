import type { KeyObject } from 'node:crypto';
import { fullSubarray, plainView } from '../bytes.ts';
import type { BodyFormat } from '../decrypt-body.ts';
import type { MessageEncryptor } from '../encrypt-body.ts';
import { formatOfRuns, framesPerRun } from './frame-run.ts';
import type { RunQueue } from './run-queue.ts';

/** The body of a message whose regular frames are sealed by threads, run by run, and whose end by the message itself. */
export class RunEncryptor {
  readonly #message: MessageEncryptor;
  readonly #key: KeyObject;
  readonly #queue: RunQueue;
  readonly #format: BodyFormat;
  readonly #frames: number;
  readonly #runLength: number;
  /** Plaintext that waits to be a run, or to be the end. */
  #run: Uint8Array<ArrayBuffer>;
  #length = 0;
  #hasBegun = false;

  constructor(message: MessageEncryptor, key: KeyObject, queue: RunQueue) {
    this.#message = message;
    this.#key = key;
    this.#queue = queue;
    this.#format = formatOfRuns(message.header);
    this.#frames = framesPerRun(this.#format);
    this.#runLength = this.#frames * this.#format.frameLength;
    this.#run = queue.memory(this.#runLength);
  }

  /** Takes a chunk and answers the part of the message that is ready. */
  async update(chunk: Uint8Array): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    const view = plainView(chunk);
    const { length } = view;
    const out: Uint8Array<ArrayBuffer>[] = [];
    await this.#begin(out);
    for (let offset = 0; offset < length; ) {
      // Not before more comes: the last frame is a final one.
      if (this.#length === this.#runLength) this.#handOver();
      const end = Math.min(length, offset + this.#runLength - this.#length);
      const piece = fullSubarray(view, offset, end);
      this.#run.set(piece, this.#length);
      this.#length += piece.length;
      offset = end;
      for (let ready = await this.#queue.shift(); ready; ready = await this.#queue.shift()) {
        await this.#put(ready, out);
      }
    }
    return out;
  }

  /** Ends the plaintext and answers the rest of the message. */
  async final(): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    const out: Uint8Array<ArrayBuffer>[] = [];
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
  async #begin(out: Uint8Array<ArrayBuffer>[]): Promise<void> {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    out.push(...(await this.#message.update(new Uint8Array(0))));
  }

  #handOver(): void {
    this.#queue.push({
      kind: 'seal',
      key: this.#key,
      format: this.#format,
      sequenceNumber: this.#message.skip(this.#frames),
      bytes: this.#run,
    });
    this.#run = this.#queue.memory(this.#runLength);
    this.#length = 0;
  }

  async #put(sealed: Uint8Array<ArrayBuffer>, out: Uint8Array<ArrayBuffer>[]): Promise<void> {
    await this.#message.adopt(sealed);
    out.push(sealed);
  }
}
