import type { Deadline } from '../deadline.ts';
import type { DeviceCallOptions, DeviceKey, KeyDevice } from './key-device.ts';

/** A watch over the calls that one request makes to devices. */
export interface CallWatch {
  /**
   * The device with the watch on every call. No call starts, or goes on waiting for the device, once the deadline is
   * reached.
   */
  over(device: KeyDevice): KeyDevice;
  /** Milliseconds in calls that have returned, by the sum: so a slow token can be told from a slow proxy. */
  elapsedMs(): number;
  /** The name of the device that was called last: of several that hold a key, the one that was tried. */
  lastDevice(): string | undefined;
}

/** What is asked of a device. */
type DeviceCall = 'FindKey' | 'Encrypt' | 'Decrypt' | 'Ping';

/** Told when a call begins; what it returns is told which device had it in the end, and with which error, if any. */
export type CallObserver = (call: DeviceCall) => (device: string, error?: unknown) => void;

/** A watch for one request, which has until the deadline. */
export function callWatch(deadline: Deadline, observe: CallObserver = () => () => undefined): CallWatch {
  let elapsedMs = 0;
  let lastDevice: string | undefined;
  const options: DeviceCallOptions = {
    deadline,
    onDevice(name) {
      lastDevice = name;
    },
  };
  const timed = async <T>(device: string, call: DeviceCall, work: () => Promise<T>): Promise<T> => {
    deadline.signal.throwIfAborted();
    // Known from the beginning: a call that never ends is the one to be told of.
    lastDevice = device;
    const ended = observe(call);
    const startedAt = performance.now();
    try {
      const result = await work();
      ended(lastDevice);
      return result;
    } catch (error) {
      ended(lastDevice, error);
      throw error;
    } finally {
      elapsedMs += performance.now() - startedAt;
    }
  };
  const watched = (device: string, key: DeviceKey): DeviceKey => ({
    usages: key.usages,
    encrypt: (input) => timed(device, 'Encrypt', () => key.encrypt(input, options)),
    decrypt: (input) => timed(device, 'Decrypt', () => key.decrypt(input, options)),
  });
  return {
    over: (device) => ({
      name: device.name,
      async key(selector, { fresh = false } = {}) {
        const asked = fresh ? { ...options, fresh } : options;
        return watched(device.name, await timed(device.name, 'FindKey', () => device.key(selector, asked)));
      },
      ping: () => timed(device.name, 'Ping', () => device.ping(options)),
    }),
    elapsedMs: () => elapsedMs,
    lastDevice: () => lastDevice,
  };
}
