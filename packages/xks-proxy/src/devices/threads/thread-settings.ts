import { createHmac, randomBytes } from 'node:crypto';
import type { TokenConfig } from '../../config/config.ts';
import type { ThreadSettings } from './messages.ts';

/** The settings of a token that are known before its module is open. */
export type TokenSettings = Omit<ThreadSettings, 'memory'>;

/**
 * The settings that a thread needs of a token. All that offer a token the same PIN share the memory of its refusal as long
 * as this process lives: it is not offered again, by any configuration, however often the token is opened. The turn belongs
 * to one opening: a login that never returns does not block the next opening.
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

// A PIN is short: without a secret key its digest would give it away to anyone who tries all PINs.
const OFFER_KEY = randomBytes(32);
const REFUSALS = new Map<string, SharedArrayBuffer>();
