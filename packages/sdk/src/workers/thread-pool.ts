import { EncryptionSdkError } from '../errors.ts';
import type { FrameRun, FrameRunAnswer, FrameRunResult } from './frame-run.ts';

/** What a pool needs of a worker thread. */
export interface Thread {
  on(event: 'message', listener: (answer: FrameRunAnswer) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
  postMessage(run: FrameRun, handedOver: readonly ArrayBuffer[]): void;
  /** An idle thread keeps no process alive. */
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

/** Threads that do one run at a time, and the runs that wait for one. */
export class ThreadPool {
  /** How many threads there are at most. */
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

  /** Rejects with what the thread answered, or with `WORKERS_FAILED`. The memory of a run that gets to no thread is zeroed. */
  run(run: FrameRun): Promise<FrameRunResult> {
    return new Promise((resolve, reject) => {
      const job = { run, resolve, reject };
      if (this.#isClosed) return refuse([job], failed('the workers are closed'));
      this.#waiting.push(job);
      if (this.#idle.length === 0 && this.#threads.size < this.size) this.#add();
      this.#next();
    });
  }

  /** Ends all threads; what they had to do fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const threads = [...this.#threads];
    const error = failed('the workers were closed');
    refuse(this.#waiting.splice(0), error);
    for (const { reject } of this.#jobs.values()) reject(error);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }

  /** Where no thread can be started, those that there are have to do. */
  #add(): void {
    let thread: Thread;
    try {
      thread = this.#start();
    } catch (cause) {
      const error = failed('no worker thread could be started', { cause });
      if (this.#threads.size === 0) refuse(this.#waiting.splice(0), error);
      return;
    }
    let cause: unknown;
    this.#threads.add(thread);
    this.#idle.push(thread);
    thread.on('message', (answer) => {
      const job = this.#jobs.get(thread);
      this.#jobs.delete(thread);
      this.#idle.push(thread);
      // Whoever waits for the end of a thread would not be kept alive.
      if (!this.#isClosed) thread.unref();
      if ('failure' in answer)
        job?.reject(new EncryptionSdkError(answer.failure.code, answer.failure.message));
      // Nobody will get it: whoever waited was told at once that the workers are closed.
      else if (this.#isClosed) answer.result.fill(0);
      else job?.resolve(answer);
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
    thread.postMessage(job.run, [job.run.bytes.buffer]);
  }
}

interface Job {
  readonly run: FrameRun;
  readonly resolve: (result: FrameRunResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Nothing is left of what nobody will work on. */
function refuse(jobs: readonly Job[], error: EncryptionSdkError): void {
  for (const { run, reject } of jobs) {
    run.bytes.fill(0);
    reject(error);
  }
}

function failed(message: string, options?: ErrorOptions): EncryptionSdkError {
  return new EncryptionSdkError('WORKERS_FAILED', message, options);
}
