import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Pkcs11Error } from '@holdfast/pkcs11';
import { errorOf, type ThreadAnswer, type ThreadCall, type ThreadSettings } from './messages.ts';

/** A thread with one session; it makes one call at a time. */
export interface TokenThread {
  /** When its current call began; undefined if there is none. */
  readonly busySinceMs: number | undefined;
  /**
   * Has the thread make a call. Rejects with the Pkcs11Error of the call, TOKEN_UNAVAILABLE if the thread dies, and with
   * `DependencyTimeoutException` for a call that came too late.
   *
   * @param handedOver memory of the call, which the caller cannot use afterwards
   */
  call(call: ThreadCall, handedOver?: readonly ArrayBuffer[]): Promise<ThreadAnswer>;
  /** Resolves when the thread has ended, for whatever reason. */
  readonly ended: Promise<void>;
}

/**
 * Starts a thread; `opened` settles when it has opened its token, or cannot. Throws Pkcs11Error TOKEN_UNAVAILABLE if the
 * system allows no more threads.
 */
export function startTokenThread(settings: ThreadSettings): {
  readonly thread: TokenThread;
  readonly opened: Promise<ThreadAnswer>;
} {
  const worker = newWorker();
  let current: { readonly sinceMs: number; readonly settle: (answer: ThreadAnswer) => void } | undefined;
  worker.on('message', (answer: ThreadAnswer) => {
    const { settle } = current ?? {};
    current = undefined;
    settle?.(answer);
  });
  // The error that ended the thread is of no use to a caller, which learns of the end by the event exit.
  worker.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      const failure = { code: 'TOKEN_UNAVAILABLE', message: 'the thread of the token has died' } as const;
      current?.settle({ failure });
      resolve();
    });
  });
  const call = async (message: ThreadCall, handedOver: readonly ArrayBuffer[] = []) => {
    const answer = await new Promise<ThreadAnswer>((settle) => {
      current = { sinceMs: performance.now(), settle };
      worker.postMessage(message, [...handedOver]);
    });
    const { failure } = answer;
    if (failure === undefined) return answer;
    throw errorOf(failure);
  };
  const thread: TokenThread = {
    get busySinceMs() {
      return current?.sinceMs;
    },
    call,
    ended,
  };
  return { thread, opened: call({ kind: 'open', settings }) };
}

function newWorker(): Worker {
  try {
    // Beside this file, compiled as it is or not.
    return new Worker(new URL(`./token-thread-program${extname(import.meta.url)}`, import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_MIB },
    });
  } catch (cause) {
    throw new Pkcs11Error('TOKEN_UNAVAILABLE', 'no thread can be started for the token', { cause });
  }
}

// A call leaves little garbage, and there may be many threads: none needs as much memory as the process may have.
const MAX_YOUNG_MIB = 12;
