import { readFileSync, writeFileSync } from 'node:fs';

/** One thing that was measured, and what was wanted. */
export interface Figure {
  readonly title: string;
  readonly wanted: string;
  readonly reached: number;
  readonly isMet: boolean;
  /** What it is made of. */
  readonly detail: string;
}

/** Records a whole run of an area: as JSON, and in its table in the README beside it. */
export function report(
  area: string,
  run: { readonly machine: string; readonly loadAverage: number; readonly figures: readonly Figure[] },
): void {
  writeFileSync(
    new URL(`../results/${area}.json`, import.meta.url),
    `${JSON.stringify(run, undefined, 2)}\n`,
  );
  const rows = run.figures.map(
    ({ title, wanted, reached, isMet, detail }) =>
      `| ${title} | ${wanted} | ${reached} | ${isMet ? 'met' : 'not met'} | ${detail} |`,
  );
  const table = [
    `Measured with ${run.machine}, at a load average of ${run.loadAverage}.`,
    '',
    '| figure | wanted | reached | | |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ];
  const text = readFileSync(README, 'utf8');
  const begin = `<!-- npm run bench -- ${area} writes from here -->`;
  const end = `<!-- ${area} to here -->`;
  const [before] = text.split(begin);
  const [, after] = text.split(end);
  if (before === undefined || after === undefined) throw new Error('bench/README.md has lost its markers');
  writeFileSync(README, `${before}${begin}\n${table.join('\n')}\n${end}${after}`);
}

const README = new URL('../README.md', import.meta.url);
