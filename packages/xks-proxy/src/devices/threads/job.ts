import type { Deadline } from '../../deadline.ts';
import type { ThreadAnswer, ThreadCall } from './messages.ts';

/** A call on its way to a thread, and whoever waits for its answer; settled once, whatever comes later. */
export interface Job {
  readonly call: ThreadCall;
  readonly handedOver: readonly ArrayBuffer[];
  readonly resolve: (answer: ThreadAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** How a call is made. */
export interface RunOptions {
  /** Memory of the call that nobody may use afterwards. */
  readonly handedOver?: readonly ArrayBuffer[];
  readonly deadline?: Deadline | undefined;
}

/**
 * A job that answers its waiter.
 *
 * @param expired told when the deadline comes first: then the job is rejected already
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
      // Nobody else will ever see what comes too late.
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
