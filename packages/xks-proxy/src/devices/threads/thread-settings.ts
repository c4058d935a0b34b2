import { createHmac, randomBytes } from 'node:crypto';
import type { TokenConfig } from '../../config/config.ts';
import type { ThreadSettings } from './messages.ts';

/**
 * What a thread has to know of a token. All who offer a token the same PIN have its guard in common, as long as this process
 * lasts: one that was refused is not offered again, whichever configuration comes with it, and however often the token
 * is opened.
 */
export function threadSettings({ name, module, selector, pin, iv }: TokenConfig): ThreadSettings {
  const secret = pin.export();
  const token = JSON.stringify([module, selector]);
  const offer = createHmac('sha256', OFFER_KEY).update(token).update(secret).digest('hex');
  const pinGuard = PIN_GUARDS.get(offer) ?? new SharedArrayBuffer(4);
  PIN_GUARDS.set(offer, pinGuard);
  const settings = { name, module, selector, pin: secret.toString('utf8'), pinGuard, iv };
  secret.fill(0);
  return settings;
}

// A PIN is short: without a secret its digest could be tried out.
const OFFER_KEY = randomBytes(32);
const PIN_GUARDS = new Map<string, SharedArrayBuffer>();
