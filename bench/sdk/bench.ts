import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Effort, interleave } from '../interleave.ts';
import { MACHINE } from '../machine.ts';
import { CASES, type Case } from './cases.ts';
import { operation, type SideName } from './operations.ts';
import { peakMemory } from './peak-memory.ts';
import type { Result } from './result.ts';
import { record } from './results.ts';
import { writeMessage } from './streams.ts';
import { heading, line } from './table.ts';

/** Measures, prints and records the cases of whose names' words one begins with each text. */
export async function benchSdk(texts: readonly string[]): Promise<void> {
  console.log(`${MACHINE}\n\n${heading()}`);
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  try {
    for (const subject of CASES) {
      const words = subject.name.split(' ');
      if (!texts.every((text) => words.some((word) => word.startsWith(text)))) continue;
      const result = await measure(subject, join(folder, 'message'));
      console.log(line(result));
      await record(result);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(subject: Case, messagePath: string): Promise<Result> {
  const { name, workload, direction, form, inFlight } = subject;
  const isStream = form === 'stream';
  let message = new Uint8Array(0);
  if (isStream && direction === 'decrypt') {
    await writeMessage(workload, messagePath);
    message = await readFile(messagePath);
  }
  const measured = await interleave<SideName>(
    [
      ['ours', await operation('ours', subject, message)],
      ['peer', await operation('peer', subject, message)],
      ['floor', await operation('floor', subject, message)],
    ],
    isStream ? STREAM_EFFORT : BUFFER_EFFORT,
  );
  return {
    name,
    plaintextLength: workload.plaintextLength,
    frameLength: workload.frameLength,
    ours: measured.rate('ours') * inFlight,
    peer: measured.rate('peer') * inFlight,
    floor: measured.rate('floor') * inFlight,
    oursToPeer: measured.ratio('ours', 'peer'),
    oursToFloor: measured.ratio('ours', 'floor'),
    cpuToPeer: measured.cpuRatio('ours', 'peer'),
    cpuToFloor: measured.cpuRatio('ours', 'floor'),
    node: Number.parseInt(process.versions.node, 10),
    machine: MACHINE,
    loadAverage: loadavg()[0] ?? Number.NaN,
    ...(isStream && { peakRssMiB: await peaks(name, messagePath) }),
  };
}

async function peaks(name: string, messagePath: string): Promise<NonNullable<Result['peakRssMiB']>> {
  const ours = await peakMemory(name, 'ours', messagePath);
  return { ours, peer: await peakMemory(name, 'peer', messagePath) };
}

/** `@aws-crypto/client-node` wants some 5,000 calls before it runs at its speed; most cases share its code. */
const BUFFER_EFFORT = { warmUpMs: 600, roundMs: 60, rounds: 9 } as const satisfies Effort;
const STREAM_EFFORT = { warmUpMs: 1, roundMs: 1, rounds: 3 } as const satisfies Effort;
