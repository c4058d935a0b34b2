import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import * as z from 'zod';
import { IS_QUIET, MACHINE } from './machine.ts';

const FIGURE = z.strictObject({
  title: z.string(),
  wanted: z.string(),
  reached: z.number(),
  isMet: z.boolean(),
  /** What it is made of. */
  detail: z.string(),
});
const CASE = z.strictObject({
  name: z.string(),
  machine: z.string(),
  /** How many others wanted the processors. */
  loadAverage: z.number(),
  figures: z.array(FIGURE),
});
const FILE = z.strictObject({ cases: z.array(CASE) });

/** One thing that was measured, and what was wanted. */
export type Figure = z.infer<typeof FIGURE>;

/**
 * Records one case of an area in the place of an earlier measurement: as JSON, and in the table of the README beside it.
 * Nothing, if the machine was busy when the run began.
 *
 * @param order the names of all cases
 */
export function record(
  area: string,
  name: string,
  figures: readonly Figure[],
  order: readonly string[],
): void {
  if (!IS_QUIET) return;
  const file = new URL(`results/${area}.json`, import.meta.url);
  const recorded = existsSync(file) ? FILE.parse(JSON.parse(readFileSync(file, 'utf8'))).cases : [];
  const cases = recorded.filter((other) => other.name !== name);
  cases.push({ name, machine: MACHINE, loadAverage: Math.round(loadavg()[0] ?? 0), figures: [...figures] });
  cases.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  writeFileSync(file, `${JSON.stringify({ cases }, undefined, 2)}\n`);

  const text = readFileSync(README, 'utf8');
  const begin = `<!-- npm run bench -- ${area} writes from here -->`;
  const end = `<!-- ${area} to here -->`;
  const [before] = text.split(begin);
  const [, after] = text.split(end);
  if (before === undefined || after === undefined) throw new Error('bench/README.md has lost its markers');
  writeFileSync(README, `${before}${begin}\n${table(cases)}\n${end}${after}`);
}

function table(cases: readonly z.infer<typeof CASE>[]): string {
  const machines = [...new Set(cases.map(({ machine }) => machine))].join('; ');
  const rows = cases.flatMap(({ loadAverage, figures }) =>
    figures.map(
      ({ title, wanted, reached, isMet, detail }) =>
        `| ${title} | ${wanted} | ${reached} | ${isMet ? 'met' : 'not met'} | ${loadAverage} | ${detail} |`,
    ),
  );
  return [
    `Measured with ${machines}. The load average is that of the machine, with all who worked on it.`,
    '',
    '| figure | wanted | reached | | load average | |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

const README = new URL('README.md', import.meta.url);
