import { existsSync, readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { lockOf } from '../files/file-lock.ts';
import type { Report } from './findings.ts';

/**
 * Examines who may read and write the files that a configuration names, as far as they can be found: invalid
 * configurations are examined too.
 *
 * @param user the id of the user who is to read them, if the system has user ids
 */
export function examineFiles(configFile: string, report: Report, user = process.geteuid?.()): void {
  const base = dirname(configFile);
  const named = [{ setting: 'configuration', file: configFile }, ...filesNamed(readToml(configFile), base)];
  const seen = new Set<string>();
  for (const { setting, file } of named) {
    const found = lookedAt(file);
    if (found === undefined || seen.has(file)) continue;
    seen.add(file);
    const mode = (found.mode & 0o777).toString(8);
    // A user who does not own a file reads it through its group, as with secrets of Kubernetes.
    const others = found.uid === user ? 0o077 : 0o037;
    if (SECRETS.has(setting) && (found.mode & others) !== 0)
      report('secret-exposed', file, `it holds a secret, and its mode is ${mode}`);
    else if ((found.mode & 0o022) !== 0) report('file-writable', file, `its mode is ${mode}`);
    const lock = lockOf(file);
    if (existsSync(lock)) report('lock-left', lock, 'nobody can change the file meanwhile');
  }
}

/** The status of a file; undefined if it cannot be had: reading the configuration tells why. */
function lookedAt(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}

interface NamedFile {
  readonly setting: string;
  readonly file: string;
}

/** All settings that end in `_file`, with those in a credentials file, which is TOML itself. */
function filesNamed(value: unknown, base: string): NamedFile[] {
  if (Array.isArray(value)) return value.flatMap((item) => filesNamed(item, base));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([setting, content]) => {
    if (!setting.endsWith('_file') || typeof content !== 'string') return filesNamed(content, base);
    const file = resolve(base, content);
    return [{ setting, file }, ...(setting === 'credentials_file' ? filesNamed(readToml(file), base) : [])];
  });
}

function readToml(file: string): unknown {
  try {
    return parseToml(readFileSync(file, 'utf8'));
  } catch {
    // An invalid file is a finding when the configuration is read.
    return undefined;
  }
}

const SECRETS: ReadonlySet<string> = new Set([
  'pin_file',
  'secret_access_key_file',
  'key_file',
  'password_file',
]);
