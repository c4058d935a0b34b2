import type { Deadline } from '../deadline.ts';
import { type DeviceCall, type DeviceCallOptions, type KeyDevice, keyDevice } from './key-device.ts';

/** A watch over the calls that one request makes to devices. */
export interface CallWatch {
  /**
   * The device with a watch over each call. No call starts, or goes on waiting for the device, once the deadline is
   * reached.
   */
  over(device: KeyDevice): KeyDevice;
  /** The sum of milliseconds in calls that have returned: it tells a slow token from a slow proxy. */
  elapsedMs(): number;
  /** The name of the device that was called last: if several hold a key, the one that was tried. */
  lastDevice(): string | undefined;
}

/** Called when a call begins. The returned function is called at its end, with the last device and the error, if any. */
export type CallObserver = (call: DeviceCall) => (device: string, error?: unknown) => void;

/** A watch for one request with a deadline. */
export function callWatch(deadline: Deadline, observe: CallObserver = () => () => undefined): CallWatch {
  let elapsedMs = 0;
  let lastDevice: string | undefined;
  const options: DeviceCallOptions = {
    deadline,
    onDevice(name) {
      lastDevice = name;
    },
  };
  const timed = async <T>(
    device: KeyDevice,
    call: DeviceCall,
    work: (device: KeyDevice, options: DeviceCallOptions) => Promise<T>,
  ): Promise<T> => {
    deadline.throwIfReached();
    // Set before the call: the device of a call that never returns has to be known.
    lastDevice = device.name;
    const ended = observe(call);
    const startedAt = performance.now();
    try {
      const result = await work(device, options);
      ended(lastDevice);
      return result;
    } catch (error) {
      ended(lastDevice, error);
      throw error;
    } finally {
      elapsedMs += performance.now() - startedAt;
    }
  };
  return {
    over: (device) => keyDevice(device.name, (call, _options, work) => timed(device, call, work)),
    elapsedMs: () => elapsedMs,
    lastDevice: () => lastDevice,
  };
}
