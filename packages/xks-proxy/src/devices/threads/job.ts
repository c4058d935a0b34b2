import type { Deadline } from '../../deadline.ts';
import type { ThreadAnswer, ThreadCall } from './messages.ts';

/** A call on its way to a thread, with its waiter; settled once, and later answers are dropped. */
export interface Job {
  readonly call: ThreadCall;
  readonly handedOver: readonly ArrayBuffer[];
  readonly resolve: (answer: ThreadAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** How a call is made. */
export interface RunOptions {
  /** Memory of the call, which the caller cannot use afterwards. */
  readonly handedOver?: readonly ArrayBuffer[];
  readonly deadline?: Deadline | undefined;
}

/**
 * A job that settles its waiter.
 *
 * @param expired called when the deadline is reached first; the job is rejected right after that
 */
export function newJob(
  call: ThreadCall,
  { handedOver = [], deadline }: RunOptions,
  waiter: Pick<Job, 'resolve' | 'reject'>,
  expired: (job: Job) => void,
): Job {
  let isGivenUp = false;
  const job: Job = {
    call,
    handedOver,
    resolve(answer) {
      forget?.();
      // No caller will see a plaintext that comes too late.
      if (isGivenUp) answer.plaintext?.fill(0);
      waiter.resolve(answer);
    },
    reject(error) {
      forget?.();
      isGivenUp = true;
      waiter.reject(error);
    },
  };
  const forget = deadline?.whenReached((reason) => {
    expired(job);
    job.reject(reason);
  });
  return job;
}
