import { randomBytes } from 'node:crypto';
import { isKeyUsed, isUncounted } from '../budget/iv-budget.ts';
import type { XksException } from '../errors.ts';
import type { KeyDevice, Sealed } from './key-device.ts';
import type { DeviceKeySelector } from './key-selector.ts';

/** Finds out whether a device works, and rejects unless it does; resolves with why its keys encrypt nothing all the same. */
export type Trial = (device: KeyDevice) => Promise<XksException | undefined>;

/** Tries the key for trials, which may have encrypted all that it may as any other. */
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
 * A real encryption and decryption. While encryptions cannot be counted, what was encrypted before is decrypted; where there is
 * nothing, the device is asked for the key, and for something that needs none.
 */
export function trialWith(selector: DeviceKeySelector): Trial {
  const aad = Buffer.from('health');
  let latest: { readonly plaintext: Buffer; readonly sealed: Sealed } | undefined;
  return async (device) => {
    const plaintext = randomBytes(32);
    let uncounted: XksException | undefined;
    try {
      latest = { plaintext, sealed: await device.encrypt({ selector, aad, plaintext }) };
    } catch (error) {
      if (!isUncounted(error)) throw error;
      uncounted = error;
    }
    // A trial that ran out of time may still come to another one.
    const sample = latest;
    if (sample === undefined) {
      await device.usages(selector, { fresh: true });
      await device.ping();
      return uncounted;
    }
    const opened = await device.decrypt({ selector, aad, ...sample.sealed });
    if (!sample.plaintext.equals(opened)) throw new Error('the device returned a wrong plaintext');
    return uncounted;
  };
}
