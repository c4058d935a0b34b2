import { createHmac, randomBytes } from 'node:crypto';
import type { TokenConfig } from '../../config/config.ts';
import type { ThreadSettings } from './messages.ts';

/** What there is to know of a token before its module is open. */
export type TokenSettings = Omit<ThreadSettings, 'memory'>;

/**
 * What a thread has to know of a token. All who offer a token the same PIN hear when it is refused, as long as this process
 * lasts: it is not offered again, whichever configuration comes with it, and however often the token is opened. Turns
 * are those of one opening: a login that never returns is not in the way of the next.
 */
export function threadSettings({ name, module, selector, pin, iv }: TokenConfig): TokenSettings {
  const secret = pin.export();
  const token = JSON.stringify([module, selector]);
  const offer = createHmac('sha256', OFFER_KEY).update(token).update(secret).digest('hex');
  const refusal = REFUSALS.get(offer) ?? new SharedArrayBuffer(4);
  REFUSALS.set(offer, refusal);
  const pinGuard = { turn: new SharedArrayBuffer(4), refusal };
  const settings = { name, module, selector, pin: secret.toString('utf8'), pinGuard, iv };
  secret.fill(0);
  return settings;
}

// A PIN is short: without a secret its digest could be tried out.
const OFFER_KEY = randomBytes(32);
const REFUSALS = new Map<string, SharedArrayBuffer>();
