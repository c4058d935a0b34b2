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

const timedOut = () =>
  new XksException('DependencyTimeoutException', 'The external key manager did not answer in time.');
