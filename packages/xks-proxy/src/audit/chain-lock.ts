import { mkdir, open, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../error-code.ts';
import { processLine } from '../files/running.ts';
import type { AuditChainOptions } from './chain.ts';

/**
 * Keeps other processes from a chain until the function that it resolves to is called: the file `CHAIN.lock` says who
 * writes. Rejects if that process is certainly alive. A process that was killed, or that runs
 * in another container with numbers of its own, keeps no other one out: should both write after all, they find each other's
 * records, and stop. They also do so where no such file can be written.
 */
export async function lockChain({ directory, chain }: LockedChain): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = lockPath({ directory, chain });
  const holder = await chainWriter({ directory, chain });
  if (holder !== undefined) {
    throw new Error(`process ${holder} writes the chain ${chain}: end it, or set another \`audit.chain\``);
  }
  const own = await processLine(String(process.pid));
  if (own === undefined || !(await isWritten(path, own))) return async () => undefined;
  return async () => {
    if ((await contentOf(path)) !== own) return;
    await rm(path, { force: true })
      .catch(() => truncate(path))
      // A file that stays does not keep other processes out either, once this process is gone.
      .catch(() => undefined);
  };
}

/** The number of the process that writes a chain, as far as this process can tell; undefined if there is none. */
export async function chainWriter(place: LockedChain): Promise<string | undefined> {
  const content = await contentOf(lockPath(place));
  const [, holder] = /^(\d+) /.exec(content) ?? [];
  return holder !== undefined && content === (await processLine(holder)) ? holder : undefined;
}

type LockedChain = Pick<AuditChainOptions, 'directory' | 'chain'>;

const lockPath = ({ directory, chain }: LockedChain) => join(directory, `${chain}.lock`);
const contentOf = (path: string) => readFile(path, 'utf8').catch(() => '');

/** In place: a folder may take new records, and let nothing in it be renamed. */
async function isWritten(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (REFUSALS.has(errorCode(error))) return false;
    throw error;
  }
}

const REFUSALS: ReadonlySet<string | undefined> = new Set(['EPERM', 'EACCES']);
