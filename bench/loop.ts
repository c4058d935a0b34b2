import { loadavg } from 'node:os';
import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { encryptionClient } from '@holdfast/sdk';
import { type Figure, record } from './figures.ts';

/**
 * How long a large buffer keeps everything else in the process from its turn: the longest wait for a turn. Beside it, how long
 * the engine takes for a bare array of that size: it marks garbage meanwhile, which it does not report.
 */
export async function benchLoop(): Promise<void> {
  const figures: Figure[] = [];
  const allocationMs = await longestAllocationMs();
  for (const [name, suite] of SUITES) {
    for (const frameLength of FRAME_LENGTHS) {
      const waitsMs: number[] = [];
      for (let round = 0; round < ROUNDS; round++) waitsMs.push(await longestWaitMs(suite, frameLength));
      const [median = Number.NaN] = waitsMs.toSorted((a, b) => a - b).slice(ROUNDS >> 1);
      figures.push({
        title: `longest block by 64 MiB ${name}, there and back, in frames of ${frameLength / 1024} KiB, in ms`,
        wanted: `≤ ${MAX_MS}`,
        reached: Number(median.toPrecision(2)),
        isMet: median <= MAX_MS,
        detail: [
          `median of ${ROUNDS} rounds; the shortest ${Math.min(...waitsMs).toPrecision(2)}`,
          `a bare array of 64 MiB ${allocationMs.toPrecision(2)}`,
        ].join('; '),
      });
    }
  }
  for (const { title, reached, detail } of figures) console.log(`${title}: ${reached} (${detail})`);
  console.log(`load average ${loadavg()[0]}`);
  record('loop', NAME, figures, [NAME]);
}

async function longestWaitMs(suite: 0x0478 | 0x0578, frameLength: number): Promise<number> {
  const keyring = rawAesKeyring({ namespace: 'bench', name: 'key', wrappingKey: new Uint8Array(32).fill(1) });
  const collections: PerformanceEntry[] = [];
  const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const turnsMs = [performance.now()];
  let isOver = false;
  const turn = (): void => {
    turnsMs.push(performance.now());
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const { message } = await client.encrypt(PLAINTEXT, { keyring, suite, frameLength });
  await client.decrypt(message, { keyring });
  isOver = true;
  // They are told of a little later.
  await new Promise((resolve) => setTimeout(resolve, 50));
  observer.disconnect();
  const waitsMs = turnsMs.slice(1).map((end, i) => {
    const start = turnsMs[i] ?? end;
    const overlapsMs = collections.map(({ startTime, duration }) =>
      Math.max(0, Math.min(end, startTime + duration) - Math.max(start, startTime)),
    );
    return end - start - overlapsMs.reduce((sum, overlapMs) => sum + overlapMs, 0);
  });
  return Math.max(...waitsMs);
}

/** Of one that takes the place of another: the median of the longer ones, since every second is for free. */
async function longestAllocationMs(): Promise<number> {
  const longestMs: number[] = [];
  let array = new Uint8Array();
  for (let round = 0; round < ROUNDS; round++) {
    const timesMs: number[] = [];
    for (let i = 0; i < 2; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const startMs = performance.now();
      array = Buffer.allocUnsafeSlow(PLAINTEXT.length);
      timesMs.push(performance.now() - startMs);
      array[0] = round;
    }
    longestMs.push(Math.max(...timesMs));
  }
  return longestMs.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
}

const client = encryptionClient();
const PLAINTEXT = new Uint8Array(2 ** 26).fill(7);
const SUITES = [
  ['unsigned', 0x0478],
  ['signed', 0x0578],
] as const;
const FRAME_LENGTHS = [2 ** 12, 2 ** 16, 2 ** 20] as const;
const ROUNDS = 7;
const NAME = 'buffer';
const MAX_MS = 5;
