import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../error-code.ts';
import { XksProxyError } from '../proxy-error.ts';
import { type AuditFile, auditFiles } from './files.ts';

/**
 * The chains at some paths, each with its files by number. Files of one directory are a trail of their own. Files that are
 * given one by one may be in several directories, since older ones are moved away: those with one name are one chain, unless
 * a number is there twice.
 *
 * @returns rejects with XksProxyError `AUDIT_UNAVAILABLE` for a path that leads to no audit file
 */
export async function givenChains(paths: readonly string[]): Promise<readonly GivenChain[]> {
  const files = await filesAt(paths);
  const twiceOf = (chain: string) => {
    const numbers = files.filter((file) => file.isSingle && file.chain === chain).map(({ number }) => number);
    return numbers.find((number, index) => numbers.indexOf(number) !== index);
  };
  const chains = new Map<string, GivenChain>();
  for (const { folder, isSingle, ...file } of files) {
    const numberTwice = isSingle ? twiceOf(file.chain) : undefined;
    const key = isSingle && numberTwice === undefined ? file.chain : `${folder}/${file.chain}`;
    chains.set(key, { numberTwice, files: [...(chains.get(key)?.files ?? []), file] });
  }
  return [...chains.values()];
}

/** The files of one chain. */
export interface GivenChain {
  readonly files: readonly AuditFile[];
  /** The number that keeps files of one name, given one by one, from being one chain with those of other directories. */
  readonly numberTwice: number | undefined;
}

interface GivenFile extends AuditFile {
  /** Its directory, with all links resolved. */
  readonly folder: string;
  /** Whether it was given by its name, and its directory was not. */
  readonly isSingle: boolean;
}

/** Returns the files of all paths, each once: the records of a file that is given twice would be there twice. */
async function filesAt(paths: readonly string[]): Promise<GivenFile[]> {
  const found = new Map<string, GivenFile>();
  for (const path of paths) {
    const { files, isSingle } = await filesOf(path).catch((cause: unknown): never => {
      const reason = REASONS[errorCode(cause) ?? ''];
      if (reason === undefined) throw cause;
      throw new XksProxyError('AUDIT_UNAVAILABLE', `${path}: ${reason}`, { cause });
    });
    for (const file of files) {
      const folder = await realpath(dirname(file.path));
      const place = join(folder, basename(file.path));
      if (!found.has(place) || !isSingle) found.set(place, { ...file, folder, isSingle });
    }
  }
  return [...found.values()].sort((a, b) => a.number - b.number);
}

/** Those in a directory, or the one file. */
async function filesOf(
  path: string,
): Promise<{ readonly files: readonly AuditFile[]; readonly isSingle: boolean }> {
  if ((await stat(path)).isDirectory()) return { files: await auditFiles(path), isSingle: false };
  const siblings = await auditFiles(dirname(path));
  const file = siblings.find((sibling) => basename(sibling.path) === basename(path));
  if (file !== undefined) return { files: [file], isSingle: true };
  throw new XksProxyError('AUDIT_UNAVAILABLE', `${path}: not the name of an audit file`);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such directory or file',
  ENOTDIR: 'there is no such directory or file',
  EACCES: 'this user may not read it',
};
