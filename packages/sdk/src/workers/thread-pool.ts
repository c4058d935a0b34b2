import { EncryptionSdkError } from '../errors.ts';
import type { FrameBatch, FrameBatchReply, FrameBatchResult } from './frame-batch.ts';

/** What a pool needs of a worker thread. */
export interface Thread {
  on(event: 'message', listener: (reply: FrameBatchReply) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
  postMessage(batch: FrameBatch, transferred: readonly ArrayBuffer[]): void;
  /** An idle thread must not keep the process alive. */
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

/** Threads that work on one batch at a time each, and the batches that wait for a thread. */
export class ThreadPool {
  /** Most threads. */
  readonly size: number;
  readonly #start: () => Thread;
  readonly #threads = new Set<Thread>();
  readonly #idle: Thread[] = [];
  readonly #waiting: Job[] = [];
  readonly #jobs = new Map<Thread, Job>();
  #isClosed = false;

  constructor(size: number, start: () => Thread) {
    this.size = size;
    this.#start = start;
  }

  /**
   * Has a thread work on a batch. Rejects with the error of the thread, or with `WORKERS_FAILED`. The memory of a batch
   * that no thread gets is zeroed.
   */
  run(batch: FrameBatch): Promise<FrameBatchResult> {
    return new Promise((resolve, reject) => {
      const job = { batch, resolve, reject };
      if (this.#isClosed) return refuse([job], failed('the workers are closed'));
      this.#waiting.push(job);
      if (this.#idle.length === 0 && this.#threads.size < this.size) this.#add();
      this.#next();
    });
  }

  /** Ends all threads. The batches that they have, and those that wait, fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const threads = [...this.#threads];
    const error = failed('the workers were closed');
    refuse(this.#waiting.splice(0), error);
    for (const { reject } of this.#jobs.values()) reject(error);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }

  /** Starts a thread. If that fails, the threads that there are have to do. */
  #add(): void {
    let thread: Thread;
    try {
      thread = this.#start();
    } catch (cause) {
      const error =
        cause instanceof EncryptionSdkError ? cause : failed('no worker thread could be started', { cause });
      if (this.#threads.size === 0) refuse(this.#waiting.splice(0), error);
      return;
    }
    let cause: unknown;
    this.#threads.add(thread);
    this.#idle.push(thread);
    thread.on('message', (reply) => {
      const job = this.#jobs.get(thread);
      this.#jobs.delete(thread);
      this.#idle.push(thread);
      // The caller of `close` waits for the end of the thread: an idle one would not keep the process alive until then.
      if (!this.#isClosed) thread.unref();
      if ('failure' in reply) job?.reject(new EncryptionSdkError(reply.failure.code, reply.failure.message));
      // The result is not wanted: its caller was told at once that the workers are closed.
      else if (this.#isClosed) reply.result.fill(0);
      else job?.resolve(reply);
      this.#next();
    });
    thread.on('error', (error) => (cause = error));
    thread.on('exit', () => {
      this.#threads.delete(thread);
      const place = this.#idle.indexOf(thread);
      if (place !== -1) this.#idle.splice(place, 1);
      this.#jobs.get(thread)?.reject(failed('a worker thread died', { cause }));
      this.#jobs.delete(thread);
      if (this.#isClosed || this.#waiting.length === 0) return;
      this.#add();
      this.#next();
    });
  }

  #next(): void {
    const thread = this.#waiting.length === 0 ? undefined : this.#idle.pop();
    const job = thread && this.#waiting.shift();
    if (thread === undefined || job === undefined) return;
    this.#jobs.set(thread, job);
    thread.ref();
    thread.postMessage(job.batch, [job.batch.bytes.buffer]);
  }
}

interface Job {
  readonly batch: FrameBatch;
  readonly resolve: (result: FrameBatchResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Rejects jobs that no thread will work on, and leaves nothing of their bytes. */
function refuse(jobs: readonly Job[], error: EncryptionSdkError): void {
  for (const { batch, reject } of jobs) {
    batch.bytes.fill(0);
    reject(error);
  }
}

function failed(message: string, options?: ErrorOptions): EncryptionSdkError {
  return new EncryptionSdkError('WORKERS_FAILED', message, options);
}
