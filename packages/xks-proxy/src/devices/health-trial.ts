import { randomBytes } from 'node:crypto';
import { isKeyUsed, isUncounted } from '../budget/iv-budget.ts';
import type { XksException } from '../xks-exception.ts';
import type { KeyDevice, Sealed } from './key-device.ts';
import type { DeviceKeySelector } from './key-selector.ts';

/** Rejects unless a device works. Resolves to an exception if it works but may not encrypt, since nothing can be counted. */
export type Trial = (device: KeyDevice) => Promise<XksException | undefined>;

/** Tries the key for trials, whose budget may be used up as that of any other key: then a ping has to do. */
export function ownTrial(selector: DeviceKeySelector): Trial {
  const run = trialWith(selector);
  return async (target) => {
    try {
      return await run(target);
    } catch (error) {
      if (!isKeyUsed(error)) throw error;
      await target.ping();
      return undefined;
    }
  };
}

/**
 * A trial that really encrypts and decrypts. While encryptions cannot be counted, it decrypts the last ciphertext; if there
 * is none yet, it asks the device for the key, and for something that needs no key.
 */
export function trialWith(selector: DeviceKeySelector): Trial {
  const aad = Buffer.from('health');
  let latest: { readonly plaintext: Buffer; readonly sealed: Sealed } | undefined;
  return async (device) => {
    const plaintext = randomBytes(32);
    try {
      // As one call, so that a wrong ciphertext counts as a failure of the device, for the circuit breaker too.
      latest = { plaintext, sealed: await device.encryptChecked({ selector, aad, plaintext, ...UNCOVERED }) };
      return undefined;
    } catch (error) {
      if (!isUncounted(error)) throw error;
      if (latest === undefined) {
        await device.usages(selector, { fresh: true });
        await device.ping();
      } else {
        const opened = await device.decrypt({ selector, aad, ...latest.sealed });
        if (!latest.plaintext.equals(opened))
          throw new Error('the device returned a wrong plaintext', { cause: error });
      }
      return error;
    }
  };
}

/** The integrity value of a trial is not used, so it covers nothing else. */
const UNCOVERED = { additionalAuthenticatedData: new Uint8Array(0), ciphertextMetadata: new Uint8Array(0) };
