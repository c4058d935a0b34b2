import { deadlineIn, inTime } from '../deadline.ts';
import { isWorthAnotherToken } from './failures.ts';
import { type DeviceCallOptions, type KeyDevice, keyDevice } from './key-device.ts';

/** One of several devices with the same keys. */
export interface FailoverMember {
  readonly device: KeyDevice;
  /** Whether it is worth the first try. */
  isWell(): boolean;
}

/**
 * Several devices with the same keys as one. A call goes to the first that is well, and when that one is out, or has too
 * much to do, to the next; what is answered about a key or a ciphertext is the answer. No device may take more than its
 * share of the time, so that there is some left for another.
 *
 * @param members in the order of preference, one at least
 * @param timeoutMs what a request has for all of them
 */
export function failoverDevice(members: readonly FailoverMember[], timeoutMs: number): KeyDevice {
  const shareMs = (timeoutMs * USED_SHARE) / members.length;
  const inOrder = () => {
    const well = members.filter((member) => member.isWell());
    return [...well, ...members.filter((member) => !well.includes(member))].map(({ device }) => device);
  };
  const firstThatServes = async <T>(
    devices: KeyDevice[],
    { deadline, onDevice }: DeviceCallOptions,
    work: (device: KeyDevice, options: DeviceCallOptions) => Promise<T>,
  ): Promise<T> => {
    for (;;) {
      const [device] = devices;
      if (device === undefined) throw new TypeError('members: expected one at least');
      onDevice?.(device.name);
      try {
        const share = deadlineIn(shareMs, deadline);
        return await inTime(work(device, { deadline: share }), share);
      } catch (error) {
        const isOver = deadline?.isReached === true;
        if (devices.length === 1 || isOver || !isWorthAnotherToken(error)) throw error;
        devices.shift();
      }
    }
  };
  const name = members.map(({ device }) => device.name).join('+');
  return keyDevice(name, (_call, options, work) => firstThatServes(inOrder(), options, work));
}

// The rest is for what a proxy does besides.
const USED_SHARE = 0.8;
