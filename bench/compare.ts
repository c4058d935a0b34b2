/** One line of a table: the same operation by both sides. */
export interface Subject {
  readonly title: string;
  /** Bytes of plaintext that an operation takes or gives. */
  readonly bytes: number;
  readonly ours: Operation;
  readonly theirs: Operation;
}

type Operation = () => Promise<unknown>;

/** How the two sides did, in one process and taking turns. Medians over the rounds. */
export interface Comparison {
  /** Operations per second. */
  readonly ours: number;
  readonly theirs: number;
  /** Ours as a multiple of theirs, by the clock. */
  readonly ratio: number;
  /** The same by processor time, which depends less on what else the machine does. */
  readonly cpuRatio: number;
}

interface Rate {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/**
 * Measures both sides in turns, so that whatever else the machine does meets both.
 *
 * Each is warmed up for a time, not for a number of calls: a slow side needs as long as a fast one to be
 * compiled. Garbage is collected when the engine wants to: forcing it throws compiled code away.
 */
export async function compare({ ours, theirs }: Subject): Promise<Comparison> {
  await rate(ours, WARM_UP_MS);
  await rate(theirs, WARM_UP_MS);
  const rounds: { readonly ours: Rate; readonly theirs: Rate }[] = [];
  while (rounds.length < ROUND_COUNT) {
    rounds.push({ ours: await rate(ours, ROUND_MS), theirs: await rate(theirs, ROUND_MS) });
  }
  return {
    ours: median(rounds.map((round) => round.ours.perSecond)),
    theirs: median(rounds.map((round) => round.theirs.perSecond)),
    ratio: median(rounds.map((round) => round.ours.perSecond / round.theirs.perSecond)),
    cpuRatio: median(rounds.map((round) => round.ours.perCpuSecond / round.theirs.perCpuSecond)),
  };
}

async function rate(operation: Operation, durationMs: number): Promise<Rate> {
  const cpuStart = process.cpuUsage();
  const start = performance.now();
  let operations = 0;
  let elapsedMs = 0;
  while (elapsedMs < durationMs) {
    await operation();
    operations += 1;
    elapsedMs = performance.now() - start;
  }
  const cpu = process.cpuUsage(cpuStart);
  return {
    perSecond: (operations * 1000) / elapsedMs,
    perCpuSecond: (operations * 1_000_000) / (cpu.user + cpu.system),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const WARM_UP_MS = 2500;
const ROUND_MS = 250;
/** Odd, so that the median is one of them. */
const ROUND_COUNT = 9;
