/**
 * One attempt. The signal aborts when nobody wants any more what it brings. `isLatest` is false where another load of the same
 * id has begun since, for those whom this one does not go round for: what that brings is the one to keep.
 */
export type Load<T> = (lost: AbortSignal, isLatest: () => boolean) => Promise<T>;

/** One load, for all who share it: attempts side by side, of which the first to answer counts. */
export class Flight<T> {
  readonly id: string;
  /**
   * The first answer, or `undefined` from {@link clear}. Rejects with the failure of the last attempt under way, or the reason
   * given to {@link fail}. Whoever waits for it may be gone: no rejection of it is unhandled.
   */
  readonly result: Promise<T | undefined>;
  /** The share of it that those who wait will use up. */
  promised = 0;
  /** Until when it counts as under way, on the monotonic clock. */
  endsAtMs: number;
  /** When the latest attempt was made. */
  attemptedAtMs = -Infinity;
  readonly #lost = new AbortController();
  #underWay = 0;
  #resolve: (answer: T | undefined) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(id: string, endsAtMs: number) {
    this.id = id;
    this.endsAtMs = endsAtMs;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(() => undefined);
  }

  get isUnderWay(): boolean {
    return performance.now() < this.endsAtMs;
  }

  /** Makes an attempt beside those under way. */
  async attempt(load: Load<T>, isLatest: () => boolean): Promise<void> {
    this.#underWay += 1;
    this.attemptedAtMs = performance.now();
    try {
      this.#resolve(await load(this.#lost.signal, isLatest));
      this.#lost.abort();
    } catch (error) {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#reject(error);
    }
  }

  /** What it still brings is not wanted. Those who wait are not told: where they do so for another request, they may be gone. */
  abandon(reason: unknown): void {
    this.#lost.abort(reason);
  }

  fail(reason: unknown): void {
    this.abandon(reason);
    this.#reject(reason);
  }

  /** What it still brings is not wanted, and nobody who waits for it fails. */
  clear(): void {
    this.#lost.abort();
    this.#resolve(undefined);
  }
}
