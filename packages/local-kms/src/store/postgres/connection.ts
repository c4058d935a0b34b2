import type { Client } from 'pg';
import { LocalKmsError } from '../../local-kms-error.ts';
import { errorCode } from '../error-code.ts';

/** One connection to a PostgreSQL server. */
export interface Connection {
  /** Rejects with what the work throws as LocalKmsError, else with `STORE_UNAVAILABLE`. */
  readonly run: <T>(work: (client: Client) => Promise<T>) => Promise<T>;
  /** Resolves if the connection ends without having been closed. */
  readonly lost: Promise<LocalKmsError>;
  /** Ends the connection: after two seconds also if the server does not answer. */
  readonly close: () => Promise<void>;
}

/** Connects. Rejects with LocalKmsError `PACKAGE_MISSING` or `STORE_UNAVAILABLE`. */
export async function connect(url: string): Promise<Connection> {
  const { Client } = await import('pg').catch((cause: unknown) => {
    throw new LocalKmsError('PACKAGE_MISSING', 'PostgreSQL is reached through pg, which is not installed', {
      cause,
    });
  });
  const client = new Client({
    connectionString: url,
    application_name: 'holdfast-local-kms',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
  });
  let isClosing = false;
  const lost = new Promise<LocalKmsError>((resolve) => {
    // Without a listener the process would end.
    client.on('error', () => undefined);
    client.on('end', () => {
      if (!isClosing)
        resolve(new LocalKmsError('STORE_UNAVAILABLE', 'the connection to PostgreSQL has ended'));
    });
  });
  const run = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    try {
      return await work(client);
    } catch (cause) {
      if (cause instanceof LocalKmsError) throw cause;
      throw new LocalKmsError('STORE_UNAVAILABLE', `PostgreSQL: ${reasonOf(cause)}`, { cause });
    }
  };
  const close = async (): Promise<void> => {
    isClosing = true;
    // A server that does not answer does not end the connection either.
    const timer = setTimeout(() => client.connection.stream.destroy(), CLOSE_TIMEOUT_MS);
    await client.end().catch(() => undefined);
    clearTimeout(timer);
  };
  try {
    await run((client) => client.connect());
  } catch (error) {
    await close();
    throw error;
  }
  return { run, lost, close };
}

/** The reason of an error in one line. A message may quote a statement, which holds nothing but our SQL and sealed bytes. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const code = errorCode(error) ?? error.name;
  const message = error.message.replaceAll(/\s+/g, ' ');
  // Errors of the system have their code in the message; after attempts at several addresses the message is empty.
  return message.includes(code) ? message : `${code}: ${message}`.replace(/: $/, '');
}

const CONNECT_TIMEOUT_MS = 10_000;
const QUERY_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 2_000;
