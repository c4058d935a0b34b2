import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { auditedKey, isFound } from '../audit/trail.ts';
import { unusableFile } from './option-file.ts';

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
    .option('--key <key>', 'id or ARN of a key, not an alias', auditedKey)
    .option('--since <time>', 'ISO 8601, or how long ago: 90s, 15m, 2h, 7d', timeOf)
    .action(async ({ file, ...filter }: AuditOptions) => {
      const others: number[] = [];
      let number = 0;
      for await (const line of linesOf(file)) {
        number += 1;
        const event = line === '' ? undefined : eventIn(line);
        if (event && isFound(event, filter)) process.stdout.write(`${line}\n`);
        if (line !== '' && !event) others.push(number);
      }
      if (others.length > 0) throw new RangeError(`file: expected an audit event in line ${listOf(others)}`);
    });
}

/** A file may be longer than a string can be. Only a line feed ends a line: the texts of an event may have other line ends. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    throw unusableFile(error);
  }
  yield rest;
}

/** Returns undefined for a part of an event that a full disk has left, and for anything else that is no event. */
function eventIn(line: string): z.output<typeof findable> | undefined {
  try {
    return findable.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function listOf(numbers: readonly number[]): string {
  const first = numbers.slice(0, MAX_LISTED).join(', ');
  return numbers.length > MAX_LISTED ? `${first} and ${numbers.length - MAX_LISTED} more` : first;
}

function timeOf(text: string): Date {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS.get(unit);
  const time = unitMs === undefined ? new Date(text) : new Date(Date.now() - Number(count) * unitMs);
  // The constructor of Date takes much else: 12 is a December.
  const isTime = unitMs !== undefined || ISO_8601.test(text);
  if (isTime && !Number.isNaN(time.getTime())) return time;
  throw new RangeError('since: expected ISO 8601, or 90s, 15m, 2h, 7d');
}

/** What an event is found by. */
const findable = z.object({
  eventTime: z.iso.datetime(),
  resources: z.array(z.object({ ARN: z.string() })),
});
const ISO_8601 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;
const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
const MAX_LISTED = 10;
