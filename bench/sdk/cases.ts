import { type Direction, SIGNED, UNSIGNED, type Workload } from './side.ts';

/** What is measured at once. */
export interface Case {
  /** Words of which the command line selects by. */
  readonly name: string;
  readonly direction: Direction;
  readonly workload: Workload;
  /** A message in memory, or one that passes through a stream of Node. */
  readonly form: 'buffer' | 'stream';
  /** Messages at the same time. The floor takes one behind the other. */
  readonly inFlight: number;
}

function* buffers(): Generator<Case> {
  for (const { plaintextLength, frameLengths } of BUFFERS) {
    for (const frameLength of frameLengths) {
      for (const suite of [UNSIGNED, SIGNED] as const) {
        const isSmall = plaintextLength === KiB;
        for (const isCached of isSmall ? [false, true] : [false]) {
          for (const inFlight of isSmall ? [1, 8] : [1]) {
            const workload = { suite, plaintextLength, frameLength, isCached, hasWorkers: false };
            yield* bothWays('buffer', workload, inFlight);
          }
        }
      }
    }
  }
}

function* streams(): Generator<Case> {
  for (const frameLength of [4 * KiB, 64 * KiB, MiB]) {
    for (const suite of [UNSIGNED, SIGNED] as const) {
      for (const hasWorkers of frameLength === 4 * KiB ? [false, true] : [false]) {
        const workload = { suite, plaintextLength: STREAM_LENGTH, frameLength, isCached: false, hasWorkers };
        yield* bothWays('stream', workload, 1);
      }
    }
  }
}

function* bothWays(form: Case['form'], workload: Workload, inFlight: number): Generator<Case> {
  const { suite, plaintextLength, frameLength, isCached, hasWorkers } = workload;
  const words = [
    `${sizeName(plaintextLength)}${form === 'stream' ? '-stream' : ''}`,
    suite === SIGNED ? 'signed' : 'unsigned',
    `${sizeName(frameLength)}-frames`,
    ...(isCached ? ['cached'] : []),
    ...(hasWorkers ? ['workers'] : []),
    ...(inFlight > 1 ? [`${inFlight}-in-flight`] : []),
  ];
  for (const direction of ['encrypt', 'decrypt'] as const) {
    yield { name: [direction, ...words].join(' '), direction, workload, form, inFlight };
  }
}

function sizeName(bytes: number): string {
  return bytes < MiB ? `${bytes / KiB}-KiB` : `${bytes / MiB}-MiB`;
}

const KiB = 2 ** 10;
const MiB = 2 ** 20;
const STREAM_LENGTH = 256 * MiB;
const BUFFERS = [
  { plaintextLength: KiB, frameLengths: [4 * KiB] },
  { plaintextLength: 64 * KiB, frameLengths: [4 * KiB, 64 * KiB] },
  { plaintextLength: MiB, frameLengths: [4 * KiB, 64 * KiB] },
  { plaintextLength: 16 * MiB, frameLengths: [4 * KiB, 64 * KiB, MiB] },
] as const;

/** All cases, those of a kind together. */
export const CASES: readonly Case[] = [...buffers(), ...streams()];
