import type { FrameRun, FrameRunResult } from './frame-run.ts';
import type { ThreadPool } from './thread-pool.ts';

/** The runs of one message that are with the threads, in the order of the message. */
export class RunQueue {
  readonly #pool: ThreadPool;
  readonly #pending: PendingRun[] = [];
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  constructor(pool: ThreadPool) {
    this.#pool = pool;
  }

  /** Memory for a run, that of an earlier one if there is any. */
  memory(length: number): Uint8Array<ArrayBuffer> {
    return this.#spare.pop() ?? new Uint8Array(new ArrayBuffer(length));
  }

  /** Hands a run over. */
  push(run: FrameRun): void {
    const result = this.#pool.run(run);
    const pending: PendingRun = { result, isSettled: false };
    const settle = (): void => void (pending.isSettled = true);
    // A failure is met when it is the run's turn, if anybody gets so far.
    result.then(settle, settle);
    this.#pending.push(pending);
  }

  /** The result of the first run if it is there, or if so many are under way that it is time to wait. */
  async shift(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const [first] = this.#pending;
    const isFull = this.#pending.length > 2 * this.#pool.size;
    return first?.isSettled === true || isFull ? this.next() : undefined;
  }

  /** The result of the first run, which is waited for; `undefined` if there is none. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const first = this.#pending.shift();
    if (first === undefined) return undefined;
    const { result, spent } = await first.result;
    this.#spare.push(spent);
    return result;
  }

  /** Zeroes the results that nobody will ask for. */
  wipe(): void {
    for (const { result } of this.#pending.splice(0)) {
      result.then(
        ({ result }) => result.fill(0),
        () => undefined,
      );
    }
  }
}

interface PendingRun {
  readonly result: Promise<FrameRunResult>;
  isSettled: boolean;
}
