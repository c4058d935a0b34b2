import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Pkcs11Error } from '@holdfast/pkcs11';
import { errorOf, type ThreadAnswer, type ThreadCall, type ThreadSettings } from './messages.ts';

/** A thread with one session; it makes one call at a time. */
export interface TokenWorker {
  /** When its call began; undefined if it has none. */
  readonly busySinceMs: number | undefined;
  /**
   * Has the thread make a call. Rejects with Pkcs11Error for what came of it, TOKEN_UNAVAILABLE if the thread dies, and
   * `DependencyTimeoutException` for a call that came too late.
   *
   * @param handedOver memory of the call that nobody may use afterwards
   */
  call(call: ThreadCall, handedOver?: readonly ArrayBuffer[]): Promise<ThreadAnswer>;
  /** Resolves when the thread is at its end, whatever brought it there. */
  readonly ended: Promise<void>;
}

/**
 * Starts a thread; `opened` settles with the opening of its token. Throws Pkcs11Error TOKEN_UNAVAILABLE where the system
 * allows no more threads.
 */
export function startTokenWorker(settings: ThreadSettings): {
  readonly worker: TokenWorker;
  readonly opened: Promise<ThreadAnswer>;
} {
  const thread = newThread();
  let current: { readonly sinceMs: number; readonly settle: (answer: ThreadAnswer) => void } | undefined;
  thread.on('message', (answer: ThreadAnswer) => {
    const { settle } = current ?? {};
    current = undefined;
    settle?.(answer);
  });
  // What it died of is of no use to a caller, and its end tells the rest.
  thread.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    thread.on('exit', () => {
      const failure = { code: 'TOKEN_UNAVAILABLE', message: 'the thread of the token has died' } as const;
      current?.settle({ failure });
      resolve();
    });
  });
  const call = async (message: ThreadCall, handedOver: readonly ArrayBuffer[] = []) => {
    const answer = await new Promise<ThreadAnswer>((settle) => {
      current = { sinceMs: performance.now(), settle };
      thread.postMessage(message, [...handedOver]);
    });
    const { failure } = answer;
    if (failure === undefined) return answer;
    throw errorOf(failure);
  };
  const worker: TokenWorker = {
    get busySinceMs() {
      return current?.sinceMs;
    },
    call,
    ended,
  };
  return { worker, opened: call({ kind: 'open', settings }) };
}

function newThread(): Worker {
  try {
    // Beside this file, compiled as it is or not.
    return new Worker(new URL(`./token-thread${extname(import.meta.url)}`, import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_MIB },
    });
  } catch (cause) {
    throw new Pkcs11Error('TOKEN_UNAVAILABLE', 'no thread can be started for the token', { cause });
  }
}

// What a call leaves behind is little, and there may be many threads: they need not each have what the process may.
const MAX_YOUNG_MIB = 12;
