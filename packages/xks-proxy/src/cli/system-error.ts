import { errorCode } from '../files/error-code.ts';
import { XksProxyError } from '../proxy-error.ts';

/** An error of the operating system, most often about a file, as one that is told in a line; any other as it is. */
export function systemError(error: unknown): unknown {
  const code = errorCode(error);
  if (!(error instanceof Error && 'syscall' in error) || code === undefined) return error;
  const remedy = REMEDIES[code];
  const text = remedy === undefined ? error.message : `${error.message}: ${remedy}`;
  return new XksProxyError('CHANGE_REFUSED', text, { cause: error });
}

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'run it as the user of the proxy',
  EPERM: 'run it as the user of the proxy',
  EEXIST: 'choose another name',
  ENOENT: 'see that its folder is there',
  ENOTDIR: 'choose a folder',
  ENOSPC: 'make room there',
};
