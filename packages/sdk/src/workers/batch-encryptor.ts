import type { KeyObject } from 'node:crypto';
import { fullSubarray, plainView } from '../bytes.ts';
import type { BodyFormat } from '../decrypt-body.ts';
import type { MessageEncryptor } from '../encrypt-body.ts';
import type { BatchQueue } from './batch-queue.ts';
import { formatOfBatches, framesPerBatch } from './frame-batch.ts';

/** Writes a message: threads seal its regular frames, batch by batch, and the message itself writes the rest. */
export class BatchEncryptor {
  readonly #message: MessageEncryptor;
  readonly #key: KeyObject;
  readonly #queue: BatchQueue;
  readonly #format: BodyFormat;
  readonly #framesPerBatch: number;
  readonly #batchLength: number;
  /** Plaintext that waits to be a whole batch, or to be the end. */
  #batch: Uint8Array<ArrayBuffer>;
  #length = 0;
  #hasBegun = false;

  constructor(message: MessageEncryptor, key: KeyObject, queue: BatchQueue) {
    this.#message = message;
    this.#key = key;
    this.#queue = queue;
    this.#format = formatOfBatches(message.header);
    this.#framesPerBatch = framesPerBatch(this.#format);
    this.#batchLength = this.#framesPerBatch * this.#format.frameLength;
    this.#batch = queue.memory(this.#batchLength);
  }

  /** Takes a chunk and resolves to the part of the message that is ready. */
  async update(chunk: Uint8Array): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    const view = plainView(chunk);
    const { length } = view;
    const out: Uint8Array<ArrayBuffer>[] = [];
    await this.#begin(out);
    for (let offset = 0; offset < length; ) {
      // Not before more comes: the last frame is a final one.
      if (this.#length === this.#batchLength) this.#handOver();
      const end = Math.min(length, offset + this.#batchLength - this.#length);
      const piece = fullSubarray(view, offset, end);
      this.#batch.set(piece, this.#length);
      this.#length += piece.length;
      offset = end;
      for (let ready = await this.#queue.shift(); ready; ready = await this.#queue.shift()) {
        await this.#put(ready, out);
      }
    }
    return out;
  }

  /** Ends the plaintext and resolves to the rest of the message. */
  async final(): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    const out: Uint8Array<ArrayBuffer>[] = [];
    await this.#begin(out);
    for (let ready = await this.#queue.next(); ready; ready = await this.#queue.next()) {
      await this.#put(ready, out);
    }
    const rest = this.#batch.subarray(0, this.#length);
    out.push(...(await this.#message.update(rest)), ...(await this.#message.final()));
    rest.fill(0);
    return out;
  }

  /** Gives up: drops and zeroes plaintext. */
  wipe(): void {
    this.#batch.fill(0);
    this.#queue.wipe();
    this.#message.wipe();
  }

  /** Puts out the header, which comes first. */
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
      sequenceNumber: this.#message.skip(this.#framesPerBatch),
      bytes: this.#batch,
    });
    this.#batch = this.#queue.memory(this.#batchLength);
    this.#length = 0;
  }

  async #put(sealed: Uint8Array<ArrayBuffer>, out: Uint8Array<ArrayBuffer>[]): Promise<void> {
    await this.#message.adopt(sealed);
    out.push(sealed);
  }
}
