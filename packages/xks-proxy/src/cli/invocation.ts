import { delimiter, relative, resolve } from 'node:path';

/**
 * The words that start this program again in the current folder, for a command that is to be run next: its name if a shell
 * finds it by that, as after an installation, and otherwise Node with the script, as in a clone.
 */
export function invocation(script = process.argv[1] ?? NAME, path = process.env['PATH'] ?? ''): string {
  if (path.split(delimiter).some((folder) => resolve(folder, NAME) === script)) return NAME;
  return `node ${shortPath(script)}`;
}

/** A path for a command line in the current folder: relative to the folder if the path is below it. */
export function shortPath(path: string): string {
  const nearby = relative('.', path);
  return nearby.startsWith('..') ? path : nearby;
}

const NAME = 'xks-proxy';
