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
 * much to do, to the next; what is answered about a key or a ciphertext is the answer. None may take all of the time while
 * others that are well come after it.
 *
 * @param members in the order of preference, one at least
 * @param timeoutMs what a call has that comes without a deadline
 */
export function failoverDevice(members: readonly FailoverMember[], timeoutMs: number): KeyDevice {
  const firstThatServes: MakeCall = async (_call, { deadline, onDevice }, work) => {
    const whole = deadline ?? deadlineIn(timeoutMs);
    const well = members.filter((member) => member.isWell());
    const inOrder = [...well, ...members.filter((member) => !well.includes(member))];
    for (let tried = 1; ; tried += 1) {
      whole.throwIfReached();
      const device = inOrder.shift()?.device;
      if (device === undefined) throw new TypeError('members: expected one at least');
      onDevice?.(device.name);
      const wellLeft = well.length - tried;
      const own =
        wellLeft > 0 ? deadlineIn((whole.remainingMs() * FIRST_SHARE) / (wellLeft + 1), whole) : whole;
      try {
        return await inTime(work(device, { deadline: own }), own);
      } catch (error) {
        if (inOrder.length === 0 || !isWorthAnotherToken(error)) throw error;
      }
    }
  };
  const name = members.map(({ device }) => device.name).join('+');
  return keyDevice(name, firstThatServes);
}

// Of what is left, by the number of those who are to have some of it. Most calls come to the first.
const FIRST_SHARE = 1.2;
