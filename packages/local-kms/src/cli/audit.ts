import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { isFound } from '../audit/trail.ts';

interface AuditOptions {
  readonly file: string;
  readonly key?: string;
  readonly since?: Date;
}

/** `audit`: finds events in the file that `serve --audit` writes. */
export function addAuditCommand(program: Command): void {
  program
    .command('audit')
    .description('find calls in an audit file; one JSON event a line on stdout')
    .requiredOption('--file <file>', 'what serve --audit has written')
    .option('--key <key>', 'id or ARN of a key')
    .option('--since <time>', 'ISO 8601, or how long ago: 90s, 15m, 2h, 7d', timeOf)
    .action(({ file, ...filter }: AuditOptions) => {
      for (const [number, line] of readFileSync(file, 'utf8').split('\n').entries()) {
        if (line !== '' && isFound(eventIn(line, number + 1), filter)) process.stdout.write(`${line}\n`);
      }
    });
}

function eventIn(line: string, number: number): z.output<typeof findable> {
  try {
    return findable.parse(JSON.parse(line));
  } catch (cause) {
    throw new RangeError(`file: expected an audit event in line ${number}`, { cause });
  }
}

function timeOf(text: string): Date {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS.get(unit);
  const time = unitMs === undefined ? new Date(text) : new Date(Date.now() - Number(count) * unitMs);
  if (Number.isNaN(time.getTime())) throw new RangeError('since: expected ISO 8601, or 90s, 15m, 2h, 7d');
  return time;
}

/** What an event is found by. */
const findable = z.object({
  eventTime: z.iso.datetime(),
  resources: z.array(z.object({ ARN: z.string() })),
});
const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
