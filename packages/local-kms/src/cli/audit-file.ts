import { createWriteStream } from 'node:fs';
import type { AuditEvent } from '../audit/event.ts';

/** Where `serve` writes what was called. */
export interface AuditFile {
  readonly write: (event: AuditEvent) => void;
  /** Resolves when an event could not be written. */
  readonly lost: Promise<Error>;
}

/** Appends to a file, one JSON event a line. Only its owner may read it. */
export function auditFile(path: string): AuditFile {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  return {
    write: (event) => void stream.write(`${JSON.stringify(event)}\n`),
    lost: new Promise((resolve) => void stream.on('error', resolve)),
  };
}
