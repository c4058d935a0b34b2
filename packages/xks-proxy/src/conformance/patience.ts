import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats requests that a proxy throttles, which it may do with any, for as long as an examination can wait. */
export interface Patience {
  /**
   * Resolves to the first answer other than `ThrottlingException`. Rejects with {@link Throttled} when there is none in time,
   * and from then on at once.
   */
  answerTo<Answer extends Seen>(exchange: () => Promise<Answer>): Promise<Answer>;
}

/** What tells that a request is throttled. */
interface Seen {
  readonly status: number;
  readonly text: string;
}

/** Thrown for a request that a proxy goes on throttling. Nothing is seen of what the proxy does with it. */
export class Throttled extends Error {
  override readonly name = 'Throttled';

  constructor() {
    super('the proxy goes on throttling: it needs a higher quota for this examination');
  }
}

/** Patience for `timeoutMs` with a single request, and for twelve times that with all requests of an examination. */
export function patienceFor(timeoutMs: number): Patience {
  let leftMs = REQUESTS_AT_WORST * timeoutMs;
  let isOver = false;
  let turns: Promise<unknown> = Promise.resolve();
  const repeated = async <Answer extends Seen>(exchange: () => Promise<Answer>): Promise<Answer> => {
    const startedAt = performance.now();
    const maxMs = Math.min(timeoutMs, leftMs);
    try {
      for (let pauseMs = FIRST_PAUSE_MS; !isOver; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
        await sleep(pauseMs);
        const answer = await exchange();
        if (!isThrottled(answer)) return answer;
        isOver = performance.now() - startedAt >= maxMs;
      }
      throw new Throttled();
    } finally {
      leftMs -= performance.now() - startedAt;
    }
  };
  return {
    async answerTo(exchange) {
      const answer = await exchange();
      if (!isThrottled(answer)) return answer;
      // One after the other: so none is outrun by the others, and the times that they wait add up.
      const turn = turns.then(() => repeated(exchange));
      turns = turn.catch(() => undefined);
      return turn;
    },
  };
}

function isThrottled({ status, text }: Seen): boolean {
  return status === 429 && /"errorName"\s*:\s*"ThrottlingException"/.test(text);
}

const REQUESTS_AT_WORST = 12;
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 250;
