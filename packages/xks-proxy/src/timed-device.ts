import type { DeviceKey, KeyDevice } from './key-device.ts';

/** A device for one request, and how long that request has waited for it. */
export interface TimedDevice {
  readonly device: KeyDevice;
  /** Milliseconds in calls that have returned, by the sum. */
  elapsedMs(): number;
}

/**
 * The device with a watch on every call, so that a slow token can be told from a slow proxy. No call starts, or goes on
 * waiting for the device, once the signal is aborted.
 */
export function timedDevice(device: KeyDevice, signal: AbortSignal): TimedDevice {
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
  const timedKey = (key: DeviceKey): DeviceKey => ({
    usages: key.usages,
    encrypt: (input) => timed(() => key.encrypt(input, { signal })),
    decrypt: (input) => timed(() => key.decrypt(input, { signal })),
  });
  return {
    device: {
      ...device,
      key: (label, options) => timedKey(device.key(label, options)),
      randomBytes: (length) => timed(() => device.randomBytes(length, { signal })),
    },
    elapsedMs: () => elapsedMs,
  };
}
