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
}

/** A watch for one request; its signal is aborted when the request's time is over. */
export function callWatch(signal: AbortSignal): CallWatch {
  let elapsedMs = 0;
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      elapsedMs += performance.now() - startedAt;
    }
  };
  const watched = (key: DeviceKey): DeviceKey => ({
    usages: key.usages,
    encrypt: (input) => timed(() => key.encrypt(input, { signal })),
    decrypt: (input) => timed(() => key.decrypt(input, { signal })),
  });
  return {
    over: (device) => ({
      name: device.name,
      key: async (selector, options) =>
        watched(await timed(() => device.key(selector, { ...options, signal }))),
      ping: () => timed(() => device.ping({ signal })),
    }),
    elapsedMs: () => elapsedMs,
  };
}
