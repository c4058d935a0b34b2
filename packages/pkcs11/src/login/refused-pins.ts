import { createHmac, randomBytes } from 'node:crypto';
import type { Pkcs11Error } from '../errors.ts';
import type { Handle } from '../library/cryptoki.ts';

/** Whether a token has refused one PIN. */
export interface PinRefusal {
  /** @throws Pkcs11Error the error with which the PIN was refused */
  check(): void;
  record(error: Pkcs11Error): void;
}

/** Returns a memory of the PINs that tokens have refused, which keeps no PIN. */
export function refusedPins(): (slot: Handle, pin: string) => PinRefusal {
  const refusals = new Map<string, Pkcs11Error>();
  // A PIN is short: without a secret, all PINs could be tried out against its digest.
  const secret = randomBytes(32);
  return (slot, pin) => {
    const digest = createHmac('sha256', secret).update(slot).update(pin).digest('hex');
    return {
      check() {
        const refusal = refusals.get(digest);
        if (refusal !== undefined) throw refusal;
      },
      record(error) {
        refusals.set(digest, error);
      },
    };
  };
}
