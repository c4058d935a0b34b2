import { XksException } from './errors.ts';

/**
 * The result of `work`, or `DependencyTimeoutException` once `timeoutMs` passed. The work itself goes on:
 * a call into a token cannot be taken back, only its result ignored.
 */
export async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(timedOut()), timeoutMs);
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

const timedOut = () =>
  new XksException('DependencyTimeoutException', 'The external key manager did not answer in time.');
