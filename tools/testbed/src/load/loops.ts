import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, connection, type Endpoint, type Outcome } from './connection.ts';

/** What came of many requests. */
export interface LoadReport {
  /** How many ended how. */
  readonly outcomes: ReadonlyMap<Outcome, number>;
  /** Of those that were answered, in ascending order; in an open loop from the moment that each was due. */
  readonly latenciesMs: Float64Array;
  readonly durationMs: number;
  /** Answers with status 200 that came within the time that AWS KMS waits, per second. */
  readonly goodput: number;
}

/** The next request to send. */
export type NextRequest = () => Uint8Array;

/**
 * As many requests as the connections carry, each waiting for its answer, until the time is over. The first request on
 * each connection, with its handshake, comes before that and is not counted; `signal` ends it early.
 */
export async function closedLoop(
  endpoint: Endpoint,
  next: NextRequest,
  {
    connections,
    durationMs,
    signal,
  }: { readonly connections: number; readonly durationMs: number; readonly signal?: AbortSignal },
): Promise<LoadReport> {
  return onConnections(endpoint, next, connections, (book, startMs) => async ({ send }) => {
    const isOver = () => performance.now() - startMs >= durationMs || signal?.aborted === true;
    while (!isOver()) {
      const sentMs = performance.now();
      const outcome = await send(next());
      book.add(outcome, performance.now() - sentMs);
      // A server that is not there is not asked again at full speed.
      if (outcome === 'refused') await sleep(REFUSED_PAUSE_MS);
    }
  });
}

/**
 * Requests at a fixed rate, whether answers come or not. A request that finds every connection busy waits, and its wait
 * counts: what is late is not left out. Connections are made before.
 */
export async function openLoop(
  endpoint: Endpoint,
  next: NextRequest,
  {
    connections,
    durationMs,
    perSecond,
  }: { readonly connections: number; readonly durationMs: number; readonly perSecond: number },
): Promise<LoadReport> {
  const total = Math.floor((durationMs * perSecond) / 1000);
  let taken = 0;
  return onConnections(endpoint, next, connections, (book, startMs) => async ({ send }) => {
    while (taken < total) {
      const dueMs = startMs + (taken * 1000) / perSecond;
      taken += 1;
      const earlyMs = dueMs - performance.now();
      if (earlyMs > 0) await sleep(earlyMs);
      const outcome = await send(next());
      book.add(outcome, performance.now() - dueMs);
      if (outcome === 'refused') await sleep(REFUSED_PAUSE_MS);
    }
  });
}

/** The value that a share of the latencies, from 0 to 1, is not above. */
export function percentile({ latenciesMs }: LoadReport, share: number): number {
  return latenciesMs[Math.max(0, Math.ceil(latenciesMs.length * share) - 1)] ?? Number.NaN;
}

/** How many requests ended so. */
export function count({ outcomes }: LoadReport, outcome: Outcome): number {
  return outcomes.get(outcome) ?? 0;
}

async function onConnections(
  endpoint: Endpoint,
  next: NextRequest,
  count: number,
  worker: (book: Ledger, startMs: number) => (connection: Connection) => Promise<void>,
): Promise<LoadReport> {
  const connections = Array.from({ length: count }, () => connection(endpoint));
  await Promise.all(connections.map(({ send }) => send(next())));
  const book = ledger();
  await Promise.all(connections.map(worker(book, performance.now())));
  for (const { close } of connections) close();
  return book.report();
}

type Ledger = ReturnType<typeof ledger>;

function ledger() {
  const startMs = performance.now();
  const outcomes = new Map<Outcome, number>();
  const latenciesMs: number[] = [];
  let good = 0;
  return {
    add(outcome: Outcome, latencyMs: number): void {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (typeof outcome !== 'number') return;
      latenciesMs.push(latencyMs);
      if (outcome === 200 && latencyMs <= KMS_TIMEOUT_MS) good += 1;
    },
    report(): LoadReport {
      const durationMs = performance.now() - startMs;
      return {
        outcomes,
        latenciesMs: Float64Array.from(latenciesMs).sort(),
        durationMs,
        goodput: (good * 1000) / durationMs,
      };
    },
  };
}

const KMS_TIMEOUT_MS = 250;
const REFUSED_PAUSE_MS = 20;
