import type { FrameBatch, FrameBatchResult } from './frame-batch.ts';
import type { ThreadPool } from './thread-pool.ts';

/** The batches of one message that are with the threads, in the order of the message. */
export class BatchQueue {
  readonly #pool: ThreadPool;
  readonly #pending: PendingBatch[] = [];
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  constructor(pool: ThreadPool) {
    this.#pool = pool;
  }

  /** Memory for a batch, that of an earlier one if there is any. */
  memory(length: number): Uint8Array<ArrayBuffer> {
    return this.#spare.pop() ?? new Uint8Array(new ArrayBuffer(length));
  }

  /** Hands a batch over to the threads. */
  push(batch: FrameBatch): void {
    const result = this.#pool.run(batch);
    const pending: PendingBatch = { result, isSettled: false };
    const settle = (): void => void (pending.isSettled = true);
    // A failure is thrown when it is the turn of this batch, if the caller gets so far: it must not count as unhandled.
    result.then(settle, settle);
    this.#pending.push(pending);
  }

  /**
   * Resolves to the result of the first batch if it is there, or waits for it if too many are under way; else
   * `undefined`.
   */
  async shift(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const [first] = this.#pending;
    const isFull = this.#pending.length > 2 * this.#pool.size;
    return first?.isSettled === true || isFull ? this.next() : undefined;
  }

  /** Waits for the result of the first batch; resolves to `undefined` if there is none. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const first = this.#pending.shift();
    if (first === undefined) return undefined;
    const { result, spent } = await first.result;
    this.#spare.push(spent);
    return result;
  }

  /** Drops all batches, and zeroes their results. */
  wipe(): void {
    for (const { result } of this.#pending.splice(0)) {
      result.then(
        ({ result }) => result.fill(0),
        () => undefined,
      );
    }
  }
}

interface PendingBatch {
  readonly result: Promise<FrameBatchResult>;
  isSettled: boolean;
}
