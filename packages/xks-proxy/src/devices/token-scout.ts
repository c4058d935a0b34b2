import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pkcs11Error, pinGuard } from '@holdfast/pkcs11';
import { isPinRefusal } from './failures.ts';
import type { ScoutAnswer, ScoutOrder } from './scout-program.ts';
import { errorOf } from './threads/messages.ts';
import type { TokenSettings } from './threads/thread-settings.ts';

/**
 * Opens a token and closes it again, in a process of its own: a module may keep whoever opens a token that is out for
 * ever, and in this process nobody can tell when it may be finalised. Those who ask at once share one look. It keeps this
 * process from no end.
 * Rejects with Pkcs11Error: that of the token, TOKEN_UNAVAILABLE after ten seconds, or PIN_INCORRECT at once for a PIN
 * that was refused before.
 */
export function scoutToken(settings: TokenSettings): Promise<void> {
  const { refusal: offer } = settings.pinGuard;
  const look = LOOKS.get(offer) ?? lookOnce(settings).finally(() => LOOKS.delete(offer));
  LOOKS.set(offer, look);
  return look;
}

async function lookOnce({ module, selector, pin, pinGuard: memory }: TokenSettings): Promise<void> {
  const guard = pinGuard(memory);
  guard.check();
  const { failure } = await answerTo({ module, selector, pin });
  if (failure === undefined) return;
  const error = errorOf(failure);
  if (isPinRefusal(error)) guard.refuse();
  throw error;
}

async function answerTo(order: ScoutOrder): Promise<ScoutAnswer> {
  // Beside this file, compiled as it is or not.
  const program = new URL(`./scout-program${extname(import.meta.url)}`, import.meta.url);
  try {
    const child = fork(fileURLToPath(program), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    // Nothing is owed to it after its answer: the end of a module can take longer than this process has.
    return await answerOf(child, order).finally(() => child.kill('SIGKILL'));
  } catch (cause) {
    throw new Pkcs11Error('TOKEN_UNAVAILABLE', 'the token does not answer', { cause });
  }
}

function answerOf(child: ChildProcess, order: ScoutOrder): Promise<ScoutAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const answer = new Promise<ScoutAnswer>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the scout has not returned in time')), LOOK_MS).unref();
    child.once('message', (message: ScoutAnswer) => resolve(message));
    child.on('error', reject);
    child.once('exit', (status, signal) => reject(new Error(`the scout has died of ${signal ?? status}`)));
    // Throws where a process without a channel is all that the system had left.
    child.send(order);
    child.unref();
    child.channel?.unref();
  });
  return answer.finally(() => clearTimeout(timer));
}

/** Those under way, by the memory of whether the PIN was refused that they offer. */
const LOOKS = new Map<SharedArrayBuffer, Promise<void>>();
const LOOK_MS = 10_000;
