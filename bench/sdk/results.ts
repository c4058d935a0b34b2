import { readFile, writeFile } from 'node:fs/promises';
import { requirementsTable } from './requirements.ts';

/** One case, measured. Rates are messages per second; ratios are of rates, so that more is better for us. */
export interface Result {
  readonly name: string;
  readonly plaintextLength: number;
  readonly frameLength: number;
  readonly ours: number;
  readonly peer: number;
  readonly floor: number;
  readonly oursToPeer: number;
  readonly oursToFloor: number;
  readonly cpuToPeer: number;
  readonly cpuToFloor: number;
  /** Of a process that did nothing else. */
  readonly peakRssMiB?: { readonly ours: number; readonly peer: number };
}

/** Records a full run: as JSON, and as the tables of the README beside it. */
export async function writeResults(machine: string, cases: readonly Result[]): Promise<void> {
  const date = new Date().toISOString().slice(0, 10);
  await writeFile(JSON_FILE, `${JSON.stringify({ date, machine, cases }, precise, 2)}\n`);
  const text = await readFile(README, 'utf8');
  const [before] = text.split(BEGIN);
  const [, after] = text.split(END);
  if (before === undefined || after === undefined) throw new Error('bench/README.md has lost its markers');
  const table = requirementsTable(cases);
  await writeFile(README, `${before}${BEGIN}\n${machine}; ${date}.\n\n${table}\n${END}${after}`);
}

/** Four digits say all that there is to say. */
function precise(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}

const JSON_FILE = new URL('../results/sdk.json', import.meta.url);
const README = new URL('../README.md', import.meta.url);
const BEGIN = '<!-- npm run bench -- sdk writes from here -->';
const END = '<!-- to here -->';
