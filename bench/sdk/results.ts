import { readFile, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { IS_QUIET } from '../machine.ts';
import { CASES } from './cases.ts';
import { requirementsTable } from './requirements.ts';
import { RESULT_SCHEMA, type Result } from './result.ts';

const FILE_SCHEMA = z.strictObject({ cases: z.array(RESULT_SCHEMA) });

/**
 * Records one case in the place of an earlier measurement: as JSON, and in the table of the README beside it, one for
 * each major version of Node. Case by case, so that a long run that is broken off has not been in vain; and nothing, if the
 * machine was busy when the run began.
 */
export async function record(result: Result): Promise<void> {
  if (!IS_QUIET) return;
  const recorded = FILE_SCHEMA.parse(JSON.parse(await readFile(JSON_FILE, 'utf8')));
  const cases = recorded.cases.filter(({ name, node }) => name !== result.name || node !== result.node);
  cases.push(result);
  cases.sort((a, b) => a.node - b.node || indexOf(a) - indexOf(b));
  await writeFile(JSON_FILE, `${JSON.stringify({ cases }, precise, 2)}\n`);

  const text = await readFile(README, 'utf8');
  const [before] = text.split(BEGIN);
  const [, after] = text.split(END);
  if (before === undefined || after === undefined) throw new Error('bench/README.md has lost its markers');
  const nodes = [...new Set(cases.map(({ node }) => node))];
  const tables = nodes.map((version) => requirementsTable(cases.filter(({ node }) => node === version)));
  await writeFile(README, `${before}${BEGIN}\n${tables.join('\n\n')}\n${END}${after}`);
}

function indexOf({ name }: Result): number {
  return CASES.findIndex((subject) => subject.name === name);
}

/** Four digits say all that there is to say. */
function precise(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}

const JSON_FILE = new URL('../results/sdk.json', import.meta.url);
const README = new URL('../README.md', import.meta.url);
const BEGIN = '<!-- npm run bench -- sdk writes from here -->';
const END = '<!-- to here -->';
