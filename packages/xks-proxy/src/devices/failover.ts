import { deadlineIn, inTime } from '../deadline.ts';
import { isWorthAnotherToken } from './failures.ts';
import type { DeviceCallOptions, DeviceKey, KeyDevice } from './key-device.ts';

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
        const isOver = deadline?.signal.aborted === true;
        if (devices.length === 1 || isOver || !isWorthAnotherToken(error)) throw error;
        devices.shift();
      }
    }
  };
  return {
    name: members.map(({ device }) => device.name).join('+'),
    async key(selector, options = {}) {
      // One list for all that is done with the key: a device that failed is not tried a second time.
      const devices = inOrder();
      const keyOn = (device: KeyDevice, more: DeviceCallOptions) =>
        device.key(selector, { ...options, ...more });
      const { usages } = await firstThatServes(devices, options, keyOn);
      const withKey = <T>(
        callOptions: DeviceCallOptions = {},
        work: (key: DeviceKey, options: DeviceCallOptions) => Promise<T>,
      ) =>
        firstThatServes(devices, callOptions, async (device, share) =>
          work(await device.key(selector, share), share),
        );
      return {
        usages,
        encrypt: (input, callOptions) => withKey(callOptions, (key, share) => key.encrypt(input, share)),
        decrypt: (input, callOptions) => withKey(callOptions, (key, share) => key.decrypt(input, share)),
      };
    },
    ping: (options = {}) => firstThatServes(inOrder(), options, (device, share) => device.ping(share)),
  };
}

// The rest is for what a proxy does besides.
const USED_SHARE = 0.8;
