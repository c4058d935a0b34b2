/** One call of what is measured. */
export type Operation = () => Promise<unknown>;

/** How long to measure, and how often. */
export interface Effort {
  /**
   * For each side, in processor time: a slow side needs as long as a fast one to be compiled, and longer by the
   * clock where others use the machine.
   */
  readonly warmUpMs: number;
  /** For each side in each round, in processor time; a call that takes longer is a round. */
  readonly roundMs: number;
  /** Odd, so that a median is one of them. */
  readonly rounds: number;
}

/** Medians over the rounds. */
export interface Interleaved<S extends string> {
  /** Calls per second. */
  rate(side: S): number;
  /** How many times as fast as `other` a side is, by the clock. */
  ratio(side: S, other: S): number;
  /** The same by processor time of all threads, which depends less on what else the machine does. */
  cpuRatio(side: S, other: S): number;
}

interface Sample {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/**
 * Measures all sides in turns, so that whatever else the machine does meets all of them.
 *
 * Garbage is collected when the engine wants to: forcing it throws compiled code away.
 */
export async function interleave<S extends string>(
  operations: readonly (readonly [S, Operation])[],
  { warmUpMs, roundMs, rounds: count }: Effort,
): Promise<Interleaved<S>> {
  for (const [, operation] of operations) await sample(operation, warmUpMs);
  const rounds: ReadonlyMap<S, Sample>[] = [];
  while (rounds.length < count) {
    const round = new Map<S, Sample>();
    // Nobody always comes behind the same other, and collects its garbage.
    const first = rounds.length % operations.length;
    for (const [side, operation] of [...operations.slice(first), ...operations.slice(0, first)]) {
      round.set(side, await sample(operation, roundMs));
    }
    rounds.push(round);
  }
  const over = (figure: (round: ReadonlyMap<S, Sample>) => number): number => median(rounds.map(figure));
  const of = (round: ReadonlyMap<S, Sample>, side: S): Sample => round.get(side) ?? NO_SAMPLE;
  return {
    rate: (side) => over((round) => of(round, side).perSecond),
    ratio: (side, other) => over((round) => of(round, side).perSecond / of(round, other).perSecond),
    cpuRatio: (side, other) => over((round) => of(round, side).perCpuSecond / of(round, other).perCpuSecond),
  };
}

async function sample(operation: Operation, durationMs: number): Promise<Sample> {
  const cpuStart = process.cpuUsage();
  const start = performance.now();
  let calls = 0;
  let cpuMs = 0;
  while (cpuMs < durationMs) {
    // To ask for the processor time costs as much as a small call.
    const batchEnd = performance.now() + BATCH_MS;
    do {
      await operation();
      calls += 1;
    } while (performance.now() < batchEnd);
    const { user, system } = process.cpuUsage(cpuStart);
    cpuMs = (user + system) / 1000;
  }
  return { perSecond: (calls * 1000) / (performance.now() - start), perCpuSecond: (calls * 1000) / cpuMs };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const BATCH_MS = 5;
const NO_SAMPLE = { perSecond: Number.NaN, perCpuSecond: Number.NaN } as const satisfies Sample;
