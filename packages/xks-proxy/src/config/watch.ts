import { statSync } from 'node:fs';

/** What is watched, and who is told. */
export interface WatchOptions {
  /** Absolute paths; asked for at every look, since they change with what is in them. */
  readonly files: () => readonly string[];
  /** Told once for all that has changed, as soon as nothing changes any more. */
  readonly onChange: () => void;
  /** Between looks. Default 1000. */
  readonly intervalMs?: number;
}

/**
 * Watches files by looking at them: that also sees a link that points elsewhere, and files on a network, as secrets and
 * certificates are handed to containers. Keeps no process alive.
 */
export function watchFiles({ files, onChange, intervalMs = 1000 }: WatchOptions): { close(): void } {
  let reported = fingerprint(files());
  let seen = reported;
  const timer = setInterval(() => {
    const now = fingerprint(files());
    // Files that belong together, such as a certificate and its key, are seldom written in the same instant.
    if (now === seen && now !== reported) {
      onChange();
      reported = fingerprint(files());
      seen = reported;
      return;
    }
    seen = now;
  }, intervalMs);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

function fingerprint(files: readonly string[]): string {
  return files.map((file) => `${file} ${state(file)}`).join('\n');
}

function state(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? 'absent' : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`;
}
