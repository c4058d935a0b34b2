import { XksException } from './errors.ts';

/**
 * The result of `work`, or `DependencyTimeoutException` once `timeoutMs` passed. Then `deadline` is aborted with the
 * same exception, so that the work starts nothing more: a call that is in the token cannot be taken back, only its
 * result ignored, but what still waits for the token must not take the place of requests that are in time.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  timeoutMs: number,
  deadline: AbortController,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = timedOut();
      reject(error);
      deadline.abort(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** The result of `work`, or the reason of the signal once it is aborted: for work that cannot be taken back. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** That a token did not answer in time. */
export const timedOut = () =>
  new XksException('DependencyTimeoutException', 'The external key manager did not answer in time.');
