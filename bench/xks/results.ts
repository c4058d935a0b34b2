import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import * as z from 'zod';

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
 * Records one case in the place of an earlier measurement: as JSON, and in the table of the README beside it.
 *
 * @param order the names of all cases
 */
export function record(name: string, figures: readonly Figure[], order: readonly string[]): void {
  const recorded = existsSync(JSON_FILE) ? FILE.parse(JSON.parse(readFileSync(JSON_FILE, 'utf8'))).cases : [];
  const cases = recorded.filter((other) => other.name !== name);
  const machine = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`;
  cases.push({ name, machine, loadAverage: Math.round(loadavg()[0] ?? 0), figures: [...figures] });
  cases.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  writeFileSync(JSON_FILE, `${JSON.stringify({ cases }, undefined, 2)}\n`);

  const text = readFileSync(README, 'utf8');
  const [before] = text.split(BEGIN);
  const [, after] = text.split(END);
  if (before === undefined || after === undefined) throw new Error('bench/README.md has lost its markers');
  writeFileSync(README, `${before}${BEGIN}\n${table(cases)}\n${END}${after}`);
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

const JSON_FILE = new URL('../results/xks.json', import.meta.url);
const README = new URL('../README.md', import.meta.url);
const BEGIN = '<!-- npm run bench -- xks writes from here -->';
const END = '<!-- xks to here -->';
