import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pkcs11Error, pinGuard } from '@holdfast/pkcs11';
import { isPinRefusal } from './failures.ts';
import { errorOf } from './threads/messages.ts';
import type { TokenSettings } from './threads/thread-settings.ts';
import type { ProbeRequest, ProbeResult } from './token-probe-program.ts';

/**
 * Opens a token and closes it again, in a process of its own: a module may never return from opening a token that is out,
 * and in this process nothing would tell when it may be finalised. Callers at the same time share one probe. The process
 * does not keep this one from its end.
 * Rejects with Pkcs11Error: that of the token, TOKEN_UNAVAILABLE after ten seconds, or PIN_INCORRECT at once for a PIN
 * that was refused earlier.
 */
export function probeToken(settings: TokenSettings): Promise<void> {
  const { refusal } = settings.pinGuard;
  const probe = PROBES.get(refusal) ?? probeOnce(settings).finally(() => PROBES.delete(refusal));
  PROBES.set(refusal, probe);
  return probe;
}

async function probeOnce({ module, selector, pin, pinGuard: memory }: TokenSettings): Promise<void> {
  const guard = pinGuard(memory);
  guard.check();
  const { failure } = await runProbe({ module, selector, pin });
  if (failure === undefined) return;
  const error = errorOf(failure);
  if (isPinRefusal(error)) guard.refuse();
  throw error;
}

async function runProbe(request: ProbeRequest): Promise<ProbeResult> {
  // Beside this file, compiled as it is or not.
  const program = new URL(`./token-probe-program${extname(import.meta.url)}`, import.meta.url);
  try {
    const child = fork(fileURLToPath(program), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    // After its result it is not waited for: the end of a module can take longer than this process has.
    return await resultOf(child, request).finally(() => child.kill('SIGKILL'));
  } catch (cause) {
    throw new Pkcs11Error('TOKEN_UNAVAILABLE', 'the token does not answer', { cause });
  }
}

function resultOf(child: ChildProcess, request: ProbeRequest): Promise<ProbeResult> {
  let timer: NodeJS.Timeout | undefined;
  const result = new Promise<ProbeResult>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the probe has not ended in time')), TIMEOUT_MS).unref();
    child.once('message', (message: ProbeResult) => resolve(message));
    child.on('error', reject);
    child.once('exit', (status, signal) => reject(new Error(`the probe has died of ${signal ?? status}`)));
    // Throws for a process without a channel, which is what fork returns when the system is short of resources.
    child.send(request);
    child.unref();
    child.channel?.unref();
  });
  return result.finally(() => clearTimeout(timer));
}

/** Probes under way, by the shared memory that says whether their PIN was refused. */
const PROBES = new Map<SharedArrayBuffer, Promise<void>>();
const TIMEOUT_MS = 10_000;
