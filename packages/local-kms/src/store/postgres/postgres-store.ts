import type { Client } from 'pg';
import { z } from 'zod';
import { LocalKmsError } from '../../local-kms-error.ts';
import { errorCode } from '../error-code.ts';
import type { Snapshot, Store, StoreLocation } from '../store.ts';
import { type Connection, connect } from './connection.ts';

/**
 * Keeps records in two tables of a PostgreSQL database, which are made if they do not exist. One process at a time has
 * them, by an advisory lock that ends with its connection; should the lock be lost, a commit after that of another process
 * is refused all the same. Requires the package `pg`.
 *
 * @param url `postgresql://…`; what it leaves out comes from the environment, as with psql: PGHOST, PGPASSWORD and so on
 * @throws RangeError for a text that is no such URL
 */
export function postgresStore(url: string): StoreLocation {
  // Without the text: it may have a password.
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
    throw new RangeError('url: expected postgresql://…');
  return {
    async open() {
      const connection = await connect(url);
      try {
        await connection.run((client) => prepare(client));
        return storeOf(connection);
      } catch (error) {
        await connection.close();
        throw error;
      }
    },
    async read() {
      const connection = await connect(url);
      try {
        return await connection.run((client) => readIfThere(client));
      } finally {
        await connection.close();
      }
    },
  };
}

function storeOf({ run, lost, close }: Connection): Store {
  return {
    lost,
    read: () => run(read),
    begin: ({ header, version, records }) =>
      run(async (client) => {
        const { rowCount } = await client.query(BEGIN, [
          header,
          version,
          records.map(({ name }) => name),
          records.map(({ version }) => version),
          records.map(({ body }) => Buffer.from(body)),
        ]);
        if (rowCount === 0) {
          throw new LocalKmsError('STATE_EXISTS', 'the database holds the state of a KMS already');
        }
      }),
    commit: (version, changes) =>
      run(async (client) => {
        const kept = changes.flatMap(({ name, body }) => (body ? [{ name, body: Buffer.from(body) }] : []));
        const gone = changes.filter(({ body }) => !body).map(({ name }) => name);
        const { rowCount } = await client.query(COMMIT, [
          version,
          gone,
          kept.map(({ name }) => name),
          kept.map(({ body }) => body),
        ]);
        if (rowCount === 0) throw new LocalKmsError('STATE_IN_USE', 'another process has changed the state');
      }),
    close,
  };
}

async function prepare(client: Client): Promise<void> {
  await client.query(SETTINGS);
  await client.query(TABLES);
  try {
    await client.query(LOCK);
  } catch (cause) {
    if (errorCode(cause) !== LOCK_NOT_AVAILABLE) throw cause;
    throw new LocalKmsError('STATE_IN_USE', 'another process works with the state in this database', {
      cause,
    });
  }
}

async function readIfThere(client: Client): Promise<Snapshot | undefined> {
  const { rows } = await client.query("SELECT to_regclass('holdfast_local_kms') IS NOT NULL AS there");
  return parsed(thereSchema, rows)[0].there ? read(client) : undefined;
}

async function read(client: Client): Promise<Snapshot | undefined> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const heads = await client.query('SELECT header, version FROM holdfast_local_kms');
  const records = await client.query(
    'SELECT name, version, body FROM holdfast_local_kms_records ORDER BY version, name',
  );
  await client.query('COMMIT');
  const [head] = parsed(headsSchema, heads.rows);
  if (!head && records.rows.length > 0) {
    throw new LocalKmsError('STATE_CORRUPT', 'the database has records, and no header that they belong to');
  }
  return head && { ...head, records: parsed(recordsSchema, records.rows) };
}

function parsed<Schema extends z.ZodType>(schema: Schema, rows: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(rows);
  if (error) {
    throw new LocalKmsError('STATE_CORRUPT', 'the rows of the database are not ours', { cause: error });
  }
  return data;
}

// Answers wait for commits: these have to outlive the server. A process that is gone with its machine is to be noticed. And
// one that has nothing to keep for hours still has the lock; a server before PostgreSQL 14 knows no such limit.
const SETTINGS = `
  SET synchronous_commit = on;
  SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
  SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'`;

// If two processes make the same table at once, one of them fails.
const TABLES = `
  SELECT pg_advisory_xact_lock(5244871093412705);
  CREATE TABLE IF NOT EXISTS holdfast_local_kms (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    header text NOT NULL,
    version bigint NOT NULL
  );
  CREATE TABLE IF NOT EXISTS holdfast_local_kms_records (
    name text PRIMARY KEY,
    version bigint NOT NULL,
    body bytea NOT NULL
  )`;

// The server may take a moment to notice that the process before this one is gone.
const LOCK = `
  SET lock_timeout = 3000;
  SELECT pg_advisory_lock('holdfast_local_kms'::regclass::oid::bigint);
  SET lock_timeout = 0`;

/** PostgreSQL, Appendix A: lock_not_available. */
const LOCK_NOT_AVAILABLE = '55P03';

const BEGIN = `
  WITH head AS (
    INSERT INTO holdfast_local_kms (header, version)
    SELECT $1::text, $2::bigint WHERE NOT EXISTS (SELECT FROM holdfast_local_kms_records)
    ON CONFLICT DO NOTHING RETURNING version
  ), kept AS (
    INSERT INTO holdfast_local_kms_records (name, version, body)
    SELECT record.* FROM head, unnest($3::text[], $4::bigint[], $5::bytea[]) AS record
  )
  SELECT version FROM head`;

// One statement, which is atomic; it changes something only if its version is the next one.
const COMMIT = `
  WITH head AS (
    UPDATE holdfast_local_kms SET version = $1 WHERE version = $1::bigint - 1 RETURNING version
  ), gone AS (
    DELETE FROM holdfast_local_kms_records USING head WHERE name = ANY ($2::text[])
  ), kept AS (
    INSERT INTO holdfast_local_kms_records (name, version, body)
    SELECT record.name, head.version, record.body
    FROM head, unnest($3::text[], $4::bytea[]) AS record (name, body)
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, body = excluded.body
  )
  SELECT version FROM head`;

/** The driver gives a bigint as text. */
const version = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);
const thereSchema = z.tuple([z.object({ there: z.boolean() })]);
const headsSchema = z.array(z.object({ header: z.string(), version }));
const recordsSchema = z.array(z.object({ name: z.string(), version, body: z.instanceof(Uint8Array) }));
