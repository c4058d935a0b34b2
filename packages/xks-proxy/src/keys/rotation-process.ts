import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StorePlace } from '../config/store-place.ts';
import { XksProxyError, type XksProxyErrorCode } from '../proxy-error.ts';

/** The rotation that the process is to do. */
export interface RotationOrder {
  readonly place: StorePlace;
  readonly externalKeyId: string;
  readonly expected: number;
}

/** A message of the process: it asks for leave to go on, now that the tokens have the key, or tells the outcome. */
export type RotationNews =
  | { readonly event: 'tokens-done' }
  | { readonly event: 'rotated' }
  | { readonly event: 'failed'; readonly code: XksProxyErrorCode; readonly message: string };

/**
 * Makes the version of a key that follows `expected`, as `rotateKey` does, in a process of its own: a token may take long
 * for it, and in this process requests would have to wait. The process does not keep this one alive. If it does not end in
 * time, it is killed while it is busy with tokens; once it has leave to change the file it is not, since that would leave a
 * lock. Rejects with the XksProxyError of the rotation, and with `TOKEN_UNAVAILABLE` if the process dies or time is up.
 */
export function rotateInProcess(order: RotationOrder, timeoutMs = TIMEOUT_MS): Promise<void> {
  // Beside this file, compiled as it is or not.
  const program = new URL(`./rotation-program${extname(import.meta.url)}`, import.meta.url);
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(program), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    let mayChangeFile = false;
    setTimeout(() => {
      // A call into a module may never return, and then no other signal has an effect.
      if (!mayChangeFile) child.kill('SIGKILL');
      reject(new XksProxyError('TOKEN_UNAVAILABLE', `the rotation did not end in ${timeoutMs} ms`));
    }, timeoutMs).unref();
    child.on('message', (news: RotationNews) => {
      if (news.event === 'failed') reject(new XksProxyError(news.code, news.message));
      else if (news.event === 'rotated') resolve();
      else if (!child.killed) {
        mayChangeFile = true;
        child.send(LEAVE);
      }
    });
    child.on('error', reject);
    child.once('exit', (status, signal) => {
      reject(new XksProxyError('TOKEN_UNAVAILABLE', `the rotation has died of ${signal ?? status}`));
    });
    child.send(order);
    child.unref();
    child.channel?.unref();
  });
}

const LEAVE = 'change the file';
const TIMEOUT_MS = 60_000;
