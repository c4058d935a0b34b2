import { errorCode } from '../error-code.ts';
import { XksProxyError } from '../proxy-error.ts';

/** Turns an error of the operating system, most often about a file, into an error of ours; returns any other as it is. */
export function systemError(error: unknown): unknown {
  const code = errorCode(error);
  if (!(error instanceof Error && 'syscall' in error) || code === undefined) return error;
  const remedy = REMEDIES[code];
  const text = remedy === undefined ? error.message : `${error.message}: ${remedy}`;
  return new XksProxyError('CHANGE_REFUSED', text, { cause: error });
}

// A user who may read a file may still be forbidden to write beside it, where its draft and its lock go.
const NOT_ALLOWED = 'run it as the user of the proxy, and let that user write to the folder';
const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EROFS: 'choose a folder that can be written',
  EEXIST: 'choose another name',
  ENOENT: 'see that its folder is there',
  ENOTDIR: 'choose a folder',
  ENOSPC: 'make room there',
};
