import { z } from 'zod';
import { LocalKmsError } from '../../local-kms-error.ts';
import type { SealedChange, SealedRecord, Snapshot } from '../store.ts';
import { decodeLines, encodeLine } from './lines.ts';

/** A log that was read. */
export interface ReadLog {
  /** What came of the snapshot that it begins with and the commits after that. */
  readonly snapshot: Snapshot;
  /** How long it is without a commit that was not written to its end. */
  readonly bytes: number;
}

/** A log that begins with a snapshot: one line for the whole, and one for each record. */
export function encodeSnapshot({ header, version, records }: Snapshot): Buffer {
  const opening = { format: FORMAT, version, records: records.length, header };
  const lines = records.map(({ name, version, body }) => ({ name, version, body: toText(body) }));
  return Buffer.concat([opening, ...lines].map((line) => encodeLine(JSON.stringify(line))));
}

/** One commit: one line, so that all of it is there or nothing. */
export function encodeCommit(version: number, changes: readonly SealedChange[]): Buffer {
  const lines = changes.map(({ name, body }) => ({ name, body: body ? toText(body) : null }));
  return encodeLine(JSON.stringify({ version, changes: lines }));
}

/** Reads a log. Throws LocalKmsError `STATE_CORRUPT` or `STATE_OF_OTHER_VERSION`. */
export function decodeLog(log: Buffer): ReadLog {
  const { texts, end } = decodeLines(log);
  const [openingText, ...rest] = texts;
  const opening = parsedOpening(openingText);
  const records = new Map<string, SealedRecord>();
  for (const text of rest.slice(0, opening.records)) {
    const record = parsed(recordSchema, text);
    records.set(record.name, record);
  }
  if (records.size !== opening.records) throw corrupt('the snapshot is not complete');
  let { version } = opening;
  for (const text of rest.slice(opening.records)) {
    const commit = parsed(commitSchema, text);
    version += 1;
    if (commit.version !== version) throw corrupt(`commit ${version} is missing`);
    for (const { name, body } of commit.changes) {
      if (body) records.set(name, { name, version, body });
      else records.delete(name);
    }
  }
  return { snapshot: { header: opening.header, version, records: [...records.values()] }, bytes: end };
}

function parsedOpening(text = ''): z.output<typeof openingSchema> {
  const { format } = text === '' ? {} : parsed(formatSchema, text);
  if (format !== undefined && format !== FORMAT) {
    throw new LocalKmsError('STATE_OF_OTHER_VERSION', `the log is in the format ${format}, not ${FORMAT}`);
  }
  if (format === undefined) throw corrupt('the log has no beginning');
  return parsed(openingSchema, text);
}

function parsed<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw corrupt('a line of the log is not one of ours', cause);
  }
}

function corrupt(message: string, cause?: unknown): LocalKmsError {
  return new LocalKmsError('STATE_CORRUPT', message, { cause });
}

function toText(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString('base64');
}

const FORMAT = 'holdfast-local-kms-log/1';
const body = z.base64().transform((text): Uint8Array => Buffer.from(text, 'base64'));
const formatSchema = z.looseObject({ format: z.string().max(64) });
const openingSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.int().min(0),
  records: z.int().min(0),
  header: z.string(),
});
const recordSchema = z.strictObject({ name: z.string(), version: z.int().min(1), body });
const commitSchema = z.strictObject({
  version: z.int().min(1),
  changes: z.array(z.strictObject({ name: z.string(), body: body.nullable() })),
});
