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
    try {
      // As one call, so that a wrong ciphertext is a failure of the device for everybody who counts them.
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

/** Nobody needs the integrity value of a trial. */
const UNCOVERED = { additionalAuthenticatedData: new Uint8Array(0), ciphertextMetadata: new Uint8Array(0) };
