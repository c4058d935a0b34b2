import { statSync } from 'node:fs';

/** Files that were read, and are looked at ever since. */
export interface FileWatch {
  /**
   * Does `work` that reads files. Those that it names to `onRead` before it reads them, by absolute paths, are watched from
   * now on in place of those before; also when it throws, since a mistake may be in any of them.
   */
  reading<T>(work: (onRead: (file: string) => void) => T): T;
  close(): void;
}

/** How files are watched, and who is told. */
export interface WatchOptions {
  /** Told once for all that has changed since it was read, as soon as nothing changes any more. */
  readonly onChange: () => void;
  /** Between looks. Default 1000. */
  readonly intervalMs?: number;
}

/**
 * Watches files by looking at them: that also sees a link that points elsewhere, and files on a network, as secrets and
 * certificates are handed to containers. Keeps no process alive.
 */
export function watchFiles({ onChange, intervalMs = 1000 }: WatchOptions): FileWatch {
  let read = new Map<string, string>();
  let seen: string | undefined;
  let told: string | undefined;
  const timer = setInterval(() => {
    const before = seen;
    seen = fingerprint([...read.keys()].map((file) => [file, state(file)]));
    // Files that belong together, such as a certificate and its key, are seldom written in the same instant.
    if (seen !== before || seen === told || seen === fingerprint([...read])) return;
    told = seen;
    onChange();
  }, intervalMs);
  timer.unref();
  return {
    reading(work) {
      const states = new Map<string, string>();
      read = states;
      told = undefined;
      return work((file) => {
        if (!states.has(file)) states.set(file, state(file));
      });
    },
    close: () => clearInterval(timer),
  };
}

function fingerprint(states: readonly (readonly [file: string, state: string])[]): string {
  return states.map(([file, its]) => `${file} ${its}`).join('\n');
}

/** A file that cannot be looked at has a state too: whoever reads it finds out what that means. */
function state(file: string): string {
  try {
    const { dev, ino, size, mtimeNs } = statSync(file, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs}`;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  }
}
