import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { isRecord } from './json.ts';

/** One line of a server's log: a JSON object. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** A server that runs in a process of its own and reports on its standard output, one JSON object a line. */
export interface ServerProcess {
  readonly pid: number;
  /** Its `"event":"listening"` record. */
  readonly listening: LogRecord;
  /** Every line that it has printed so far, to stdout and to stderr. */
  readonly output: readonly string[];
  /** The first record that matches, awaited if need be: a log line may trail the answer that it is about. */
  record(matches: (record: LogRecord) => boolean): Promise<LogRecord>;
  /** Asks it to end, waits until it has, and gives its exit status; null if it had to be killed. */
  stop(): Promise<number | null>;
}

/**
 * Starts a server with this Node and waits until it listens. It does not outlive this process, unless that is killed
 * outright, or by a signal without `leaveOnSignals`.
 *
 * @throws Error with what the server printed, if it ends or stays silent instead
 */
export async function startServer(
  name: string,
  nodeArguments: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, nodeArguments, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  // Before the handlers that were there first: what a server works on is removed after the server.
  process.prependOnceListener('exit', kill);
  const output: string[] = [];
  const events = new EventEmitter<{ record: [LogRecord]; end: [] }>();
  // `close` and not `exit`: by then the last line has been read.
  const ended = once(child, 'close');
  child.once('close', () => {
    process.removeListener('exit', kill);
    events.emit('end');
  });
  createInterface({ input: child.stderr }).on('line', (line) => output.push(line));
  createInterface({ input: child.stdout }).on('line', (line) => {
    output.push(line);
    // Under load there are many, and no caller waits for any of them.
    if (events.listenerCount('record') === 0) return;
    for (const record of recordsIn([line])) events.emit('record', record);
  });

  const record = (matches: (record: LogRecord) => boolean, timeoutMs: number): Promise<LogRecord> => {
    const found = recordsIn(output).find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        events.off('record', check).off('end', fail);
        outcome();
      };
      const check = (record: LogRecord) => {
        if (matches(record)) settle(() => resolve(record));
      };
      const fail = () =>
        settle(() => reject(new Error(`${name}: ${output.slice(-5).join('\n') || 'no output'}`)));
      const timer = setTimeout(fail, timeoutMs);
      events.on('record', check).on('end', fail);
    });
  };

  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(kill, STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
    return child.exitCode;
  };

  try {
    const listening = await record(({ event }) => event === 'listening', START_TIMEOUT_MS);
    return {
      pid: child.pid ?? Number.NaN,
      listening,
      output,
      record: (matches) => record(matches, RECORD_TIMEOUT_MS),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The records among the lines that a server has printed. */
export function recordsIn(lines: readonly string[]): readonly LogRecord[] {
  return lines.flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return isRecord(value) ? [value] : [];
    } catch {
      return [];
    }
  });
}

const START_TIMEOUT_MS = 30_000;
const RECORD_TIMEOUT_MS = 5_000;
const STOP_TIMEOUT_MS = 5_000;
