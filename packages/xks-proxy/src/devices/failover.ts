import { deadlineIn, inTime } from '../deadline.ts';
import { isWorthAnotherToken } from './failures.ts';
import { type KeyDevice, keyDevice, type MakeCall } from './key-device.ts';

/** One of several devices with the same keys. */
export interface FailoverMember {
  readonly device: KeyDevice;
  /** Whether it is worth the first try. */
  isWell(): boolean;
}

/**
 * Several devices with the same keys as one. A call goes to the first that is well, and when that one is out, or has too
 * much to do, to the next; what is answered about a key or a ciphertext is the answer. None but the last may take more than
 * its share of the time, so that there is some left for another.
 *
 * @param members in the order of preference, one at least
 * @param timeoutMs what a request has for all of them
 */
export function failoverDevice(members: readonly FailoverMember[], timeoutMs: number): KeyDevice {
  const inOrder = () => {
    const well = members.filter((member) => member.isWell());
    return [...well, ...members.filter((member) => !well.includes(member))].map(({ device }) => device);
  };
  const firstThatServes: MakeCall = async (call, { deadline, onDevice }, work) => {
    const whole = deadline ?? deadlineIn(timeoutMs);
    const share = (call === 'EncryptChecked' ? 2 : 1) * ((timeoutMs * USED_SHARE) / members.length);
    const devices = inOrder();
    for (;;) {
      whole.throwIfReached();
      const device = devices.shift();
      if (device === undefined) throw new TypeError('members: expected one at least');
      onDevice?.(device.name);
      const isLast = devices.length === 0;
      const own = isLast ? whole : deadlineIn(Math.min(share, whole.remainingMs() * MAX_SHARE), whole);
      try {
        return await inTime(work(device, { deadline: own }), own);
      } catch (error) {
        if (isLast || !isWorthAnotherToken(error)) throw error;
      }
    }
  };
  const name = members.map(({ device }) => device.name).join('+');
  return keyDevice(name, firstThatServes);
}

// The rest is for what a proxy does besides.
const USED_SHARE = 0.8;
// Of what is left: two calls in one may take more than half of it.
const MAX_SHARE = 0.6;
