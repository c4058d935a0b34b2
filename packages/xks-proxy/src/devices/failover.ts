import { deadlineIn, inTime } from '../deadline.ts';
import { isWorthAnotherToken } from './failures.ts';
import { type KeyDevice, keyDevice, type MakeCall } from './key-device.ts';
import { tokenClock } from './token-clock.ts';

/** One of several devices that hold the same keys. */
export interface FailoverMember {
  readonly device: KeyDevice;
  /** Whether it is tried before the devices that are not well. */
  isWell(): boolean;
}

/**
 * Several devices with the same keys as one device. A call goes to the first that is well, and to the next if that one is
 * out or has too much to do; any other failure, about a key or a ciphertext, is final. No device may take all of the time
 * while others that are well come after it.
 *
 * @param members in the order of preference, at least one
 * @param timeoutMs for a call without a deadline
 */
export function failoverDevice(members: readonly FailoverMember[], timeoutMs: number): KeyDevice {
  const firstThatServes: MakeCall = async (_call, { deadline, onDevice, onTokenTime: report }, work) => {
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
      const clock = tokenClock(own);
      try {
        return await inTime(work(device, { deadline: own, onTokenTime: clock.onTokenTime }), own);
      } catch (error) {
        if (inOrder.length === 0 || !isWorthAnotherToken(error)) throw error;
      } finally {
        report?.(clock.elapsedMs());
      }
    }
  };
  const name = members.map(({ device }) => device.name).join('+');
  return keyDevice(name, firstThatServes);
}

// A device gets this multiple of its equal share of the time that is left: most calls end at the first device.
const FIRST_SHARE = 1.2;
