import { delimiter, join, relative, resolve } from 'node:path';

/**
 * The words that start this program again in the current folder, for a command that is to be run next: its name if a shell
 * finds it by that, as after an installation, and otherwise Node with the script, as in a clone.
 */
export function invocation(script = process.argv[1] ?? NAME, path = process.env['PATH'] ?? ''): string {
  // npm extends the path by this folder, for its child only.
  if (script.endsWith(join('node_modules', '.bin', NAME))) return `npx ${NAME}`;
  if (path.split(delimiter).some((folder) => resolve(folder, NAME) === script)) return NAME;
  return `node ${quoted(shortPath(script))}`;
}

/** A path for a command line in the current folder: relative to the folder if the path is below it. */
export function shortPath(path: string): string {
  const nearby = relative('.', path);
  return nearby.startsWith('..') ? path : nearby;
}

/** A path, or the URL of a file, as one word of a shell. */
export function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

const NAME = 'xks-proxy';
