import type { Deadline } from '../deadline.ts';
import { type DeviceCall, type DeviceCallOptions, type KeyDevice, keyDevice } from './key-device.ts';

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
  const timed = async <T>(
    device: KeyDevice,
    call: DeviceCall,
    work: (device: KeyDevice, options: DeviceCallOptions) => Promise<T>,
  ): Promise<T> => {
    deadline.throwIfReached();
    // Known from the beginning: a call that never ends is the one to be told of.
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
