import type { KeyObject } from 'node:crypto';
import type { AesGcmKey, Verifier } from '../crypto/provider.ts';
import { BodyDecryptor, type BodyFormat, type BodyReader } from '../decrypt-body.ts';
import { FRAME_OVERHEAD, isFinalFrame } from '../format/body.ts';
import { Input } from '../format/input.ts';
import { feed } from '../pace.ts';
import type { Parts } from '../parts.ts';
import type { BatchQueue } from './batch-queue.ts';
import { formatOfBatches, framesPerBatch } from './frame-batch.ts';

/**
 * Reads the body of a message: threads open its regular frames, batch by batch, and a `BodyDecryptor` reads its end.
 */
export class BatchDecryptor implements BodyReader {
  readonly #format: BodyFormat;
  readonly #contentKey: AesGcmKey;
  readonly #sharedKey: KeyObject;
  readonly #verifier: Verifier | undefined;
  readonly #queue: BatchQueue;
  readonly #framesPerBatch: number;
  readonly #stride: number;
  /** Frames that wait to be a whole batch, or to be the end. */
  #batch: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Offset of the next frame of which it is not known yet whether it is the final one. */
  #nextFrame = 0;
  #sequenceNumber = 1;
  /** Input of the end: what is no whole batch, from when the final frame has begun. */
  readonly #endInput = new Input();
  #end: BodyDecryptor | undefined;

  constructor(
    header: BodyFormat,
    contentKey: AesGcmKey,
    sharedKey: KeyObject,
    verifier: Verifier | undefined,
    queue: BatchQueue,
  ) {
    this.#format = formatOfBatches(header);
    this.#contentKey = contentKey;
    this.#sharedKey = sharedKey;
    this.#verifier = verifier;
    this.#queue = queue;
    this.#framesPerBatch = framesPerBatch(header);
    this.#stride = header.frameLength + FRAME_OVERHEAD.regular;
    this.#batch = queue.memory(this.#framesPerBatch * this.#stride);
  }

  /** Batches are of a constant length, and not counted. */
  get heldLength(): number {
    return this.#endInput.length + (this.#end?.heldLength ?? 0);
  }

  get isComplete(): boolean {
    return this.#end?.isComplete === true;
  }

  async read(input: Input, out: Parts): Promise<void> {
    while (input.length > 0 && this.#end === undefined) {
      if (this.#length === this.#batch.length) await this.#handOver();
      const length = Math.min(input.length, this.#batch.length - this.#length);
      this.#batch.set(input.take(length), this.#length);
      this.#length += length;
      if (this.#hasFinalFrame()) await this.#startEnd(out);
      else {
        for (let ready = await this.#queue.shift(); ready; ready = await this.#queue.shift()) out.put(ready);
      }
    }
    if (input.length > 0) await this.#readEnd(input.take(input.length), out);
  }

  wipe(): void {
    this.#queue.wipe();
    this.#end?.wipe();
  }

  /** Looks at the beginnings of frames that have come since the last call. */
  #hasFinalFrame(): boolean {
    for (; this.#nextFrame + 4 <= this.#length; this.#nextFrame += this.#stride) {
      if (isFinalFrame(this.#batch, this.#nextFrame)) return true;
    }
    return false;
  }

  async #handOver(): Promise<void> {
    await feed(this.#verifier, [this.#batch]);
    this.#queue.push({
      kind: 'open',
      key: this.#sharedKey,
      format: this.#format,
      sequenceNumber: this.#sequenceNumber,
      bytes: this.#batch,
    });
    this.#sequenceNumber += this.#framesPerBatch;
    this.#batch = this.#queue.memory(this.#framesPerBatch * this.#stride);
    this.#length = this.#nextFrame = 0;
  }

  async #startEnd(out: Parts): Promise<void> {
    for (let ready = await this.#queue.next(); ready; ready = await this.#queue.next()) out.put(ready);
    this.#end = new BodyDecryptor(this.#format, this.#contentKey, this.#verifier, this.#sequenceNumber);
    await this.#readEnd(this.#batch.subarray(0, this.#length), out);
  }

  async #readEnd(bytes: Uint8Array, out: Parts): Promise<void> {
    this.#endInput.push(bytes);
    await this.#end?.read(this.#endInput, out);
    this.#endInput.settle();
  }
}
