import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { IS_LONG } from './scale.ts';

/** Keeps the figures of a long form, for the table in the README. The short form has none worth keeping. */
export function record(name: string, figures: Readonly<Record<string, unknown>>): void {
  if (!IS_LONG) return;
  const folder = fileURLToPath(new URL('results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const machine = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`;
  writeFileSync(`${folder}${name}.json`, `${JSON.stringify({ machine, ...figures }, undefined, 2)}\n`);
}
