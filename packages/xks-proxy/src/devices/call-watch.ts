import type { DeviceKey, KeyDevice } from './key-device.ts';

/** A watch over the calls that one request makes to devices. */
export interface CallWatch {
  /**
   * The device with the watch on every call. No call starts, or goes on waiting for the device, once the signal is
   * aborted.
   */
  over(device: KeyDevice): KeyDevice;
  /** Milliseconds in calls that have returned, by the sum: so a slow token can be told from a slow proxy. */
  elapsedMs(): number;
  /** The name of the device that was called last. */
  lastDevice(): string | undefined;
}

/** What is asked of a device. */
export type DeviceCall = 'FindKey' | 'Encrypt' | 'Decrypt' | 'Ping';

/** Told when a call begins; what it returns is told how it ended: with an error, or without. */
export type CallObserver = (device: string, call: DeviceCall) => (error?: unknown) => void;

/** A watch for one request; its signal is aborted when the request's time is over. */
export function callWatch(signal: AbortSignal, observe: CallObserver = () => () => undefined): CallWatch {
  let elapsedMs = 0;
  let lastDevice: string | undefined;
  const timed = async <T>(device: string, call: DeviceCall, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    lastDevice = device;
    const ended = observe(device, call);
    const startedAt = performance.now();
    try {
      const result = await work();
      ended();
      return result;
    } catch (error) {
      ended(error);
      throw error;
    } finally {
      elapsedMs += performance.now() - startedAt;
    }
  };
  const watched = (device: string, key: DeviceKey): DeviceKey => ({
    usages: key.usages,
    encrypt: (input) => timed(device, 'Encrypt', () => key.encrypt(input, { signal })),
    decrypt: (input) => timed(device, 'Decrypt', () => key.decrypt(input, { signal })),
  });
  return {
    over: (device) => ({
      name: device.name,
      key: async (selector, options) =>
        watched(
          device.name,
          await timed(device.name, 'FindKey', () => device.key(selector, { ...options, signal })),
        ),
      ping: () => timed(device.name, 'Ping', () => device.ping({ signal })),
    }),
    elapsedMs: () => elapsedMs,
    lastDevice: () => lastDevice,
  };
}
