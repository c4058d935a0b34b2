import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pkcs11Error } from '@holdfast/pkcs11';
import type { TokenConfig } from '../../config/config.ts';
import type { ThreadSettings } from './messages.ts';
import { startTokenWorker } from './token-worker.ts';

/** Looks whether a token is there, in a thread: whoever opens one that is out may have to wait for long. */
export interface TokenScout {
  /** What it knows of the token. Other threads go by the same. */
  readonly settings: ThreadSettings;
  /** Opens the token, and closes it again. Rejects with Pkcs11Error: that of the token, or TOKEN_UNAVAILABLE after ten seconds. */
  look(): Promise<void>;
}

/** A scout for one token, which is on its way once at a time. */
export function tokenScout(config: TokenConfig): TokenScout {
  const settings = threadSettings(config);
  let looking: Promise<void> | undefined;
  return {
    settings,
    look() {
      looking ??= lookOnce(settings).finally(() => {
        looking = undefined;
      });
      return Promise.race([looking, tooLate()]);
    },
  };
}

async function lookOnce(settings: ThreadSettings): Promise<void> {
  const { worker, opened } = startTokenWorker({ ...settings, isAlone: true });
  try {
    await opened;
  } finally {
    worker.call({ kind: 'close' }).catch(() => undefined);
    // Only then is the module finalised, and can be opened by somebody else.
    await worker.ended;
  }
}

async function tooLate(): Promise<never> {
  await sleep(LOOK_MS, undefined, { ref: false });
  throw new Pkcs11Error('TOKEN_UNAVAILABLE', 'the token does not answer');
}

/** What a thread has to know of a token. */
function threadSettings({ name, module, selector, pin, iv }: TokenConfig): ThreadSettings {
  return { name, module, selector, pin: secretText(pin), pinGuard: new SharedArrayBuffer(4), iv };
}

function secretText(secret: KeyObject): string {
  const bytes = secret.export();
  const text = bytes.toString('utf8');
  bytes.fill(0);
  return text;
}

const LOOK_MS = 10_000;
