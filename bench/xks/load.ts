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

/** As many requests as the connections carry, each waiting for its answer, until the time is over. */
export async function closedLoop(
  endpoint: Endpoint,
  next: NextRequest,
  { connections, durationMs }: { readonly connections: number; readonly durationMs: number },
): Promise<LoadReport> {
  const book = ledger();
  const endMs = performance.now() + durationMs;
  await onConnections(endpoint, connections, async ({ send }) => {
    while (performance.now() < endMs) {
      const startMs = performance.now();
      const outcome = await send(next());
      book.add(outcome, performance.now() - startMs);
      // A server that is not there is not asked again at full speed.
      if (outcome === 'refused') await sleep(REFUSED_PAUSE_MS);
    }
  });
  return book.report();
}

/**
 * Requests at a fixed rate, whether answers come or not. A request that finds every connection busy waits, and its wait
 * counts: what is late is not left out.
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
  const book = ledger();
  const startMs = performance.now();
  const total = Math.floor((durationMs * perSecond) / 1000);
  let taken = 0;
  await onConnections(endpoint, connections, async ({ send }) => {
    for (;;) {
      if (taken >= total) return;
      const dueMs = startMs + (taken * 1000) / perSecond;
      taken += 1;
      const early = dueMs - performance.now();
      // Timers of Node are a millisecond late or early; what is due now is sent now.
      if (early > 0) await sleep(early);
      const outcome = await send(next());
      book.add(outcome, performance.now() - dueMs);
      if (outcome === 'refused') await sleep(REFUSED_PAUSE_MS);
    }
  });
  return book.report();
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
  connections: number,
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  const all = Array.from({ length: connections }, () => connection(endpoint));
  await Promise.all(all.map(work));
  for (const { close } of all) close();
}

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
