import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { XksProxyError, type XksProxyErrorCode } from '../proxy-error.ts';
import type { StorePlace } from './edit-keys.ts';

/** What such a process is to do. */
export interface RotationOrder {
  readonly place: StorePlace;
  readonly externalKeyId: string;
  readonly expected: number;
}

/** What came of it. */
export interface RotationAnswer {
  readonly failure?: { readonly code: XksProxyErrorCode; readonly message: string };
}

/**
 * Makes the version of a key that follows `expected`, as `rotateKey` does, in a process of its own: a token may take its
 * time for it, and here requests would have to wait. That process keeps this one from no end, and is killed when it does not
 * come to one. Rejects with the XksProxyError that it met, and with `TOKEN_UNAVAILABLE` when it dies or is killed.
 */
export function rotateInProcess(order: RotationOrder, timeoutMs = TIMEOUT_MS): Promise<void> {
  // Beside this file, compiled as it is or not.
  const program = new URL(`./rotation-program${extname(import.meta.url)}`, import.meta.url);
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(program), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    // A call into a module may never return, and then no other signal is heard.
    setTimeout(() => {
      child.kill('SIGKILL');
      reject(new XksProxyError('TOKEN_UNAVAILABLE', `the rotation did not end in ${timeoutMs} ms`));
    }, timeoutMs).unref();
    child.once('message', ({ failure }: RotationAnswer) =>
      failure === undefined ? resolve() : reject(new XksProxyError(failure.code, failure.message)),
    );
    child.on('error', reject);
    child.once('exit', (status, signal) => {
      reject(new XksProxyError('TOKEN_UNAVAILABLE', `the rotation has died of ${signal ?? status}`));
    });
    child.send(order);
    child.unref();
    child.channel?.unref();
  });
}

/** How long the tokens of a rotation may take: so no process is killed while it holds the lock of the keys file. */
export const ROTATION_TOKENS_MS = 30_000;
const TIMEOUT_MS = 2 * ROTATION_TOKENS_MS;
