import type { Deadline } from '../deadline.ts';
import { type DeviceCall, type DeviceCallOptions, type KeyDevice, keyDevice } from './key-device.ts';
import { tokenClock } from './token-clock.ts';

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

/** Called when a call begins. The returned function is called at its end. */
export type CallObserver = (call: DeviceCall) => (ended: EndedCall) => void;

/** A call that has ended, or was given up at its deadline. */
interface EndedCall {
  /** The last device that was tried. */
  readonly device: string;
  /** The part of the time that was spent in tokens. */
  readonly tokenMs: number;
  /** Absent when the call succeeded. */
  readonly error?: unknown;
}

/** A watch for one request with a deadline. */
export function callWatch(deadline: Deadline, observe: CallObserver = () => () => undefined): CallWatch {
  let elapsedMs = 0;
  let lastDevice: string | undefined;
  const timed = async <T>(
    device: KeyDevice,
    call: DeviceCall,
    work: (device: KeyDevice, options: DeviceCallOptions) => Promise<T>,
  ): Promise<T> => {
    deadline.throwIfReached();
    let tried = device.name;
    // Known before the call ends: it may never do so.
    lastDevice = tried;
    const ended = observe(call);
    const clock = tokenClock(deadline);
    const end = (error?: unknown): void => {
      const tokenMs = clock.elapsedMs();
      elapsedMs += tokenMs;
      ended({ device: tried, tokenMs, error });
    };
    try {
      const result = await work(device, {
        deadline,
        onDevice(name) {
          tried = name;
          lastDevice = name;
        },
        onTokenTime: clock.onTokenTime,
      });
      end();
      return result;
    } catch (error) {
      end(error);
      throw error;
    }
  };
  return {
    over: (device) => keyDevice(device.name, (call, _options, work) => timed(device, call, work)),
    elapsedMs: () => elapsedMs,
    lastDevice: () => lastDevice,
  };
}
