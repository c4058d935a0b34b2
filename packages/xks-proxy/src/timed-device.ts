import type { DeviceKey, KeyDevice } from './key-device.ts';

/** A device for one request, and how long that request has waited for it. */
export interface TimedDevice {
  readonly device: KeyDevice;
  /** Milliseconds in calls that have returned, by the sum. */
  elapsedMs(): number;
}

/** The device with a watch on every call, so that a slow token can be told from a slow proxy. */
export function timedDevice(device: KeyDevice): TimedDevice {
  let elapsedMs = 0;
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      elapsedMs += performance.now() - startedAt;
    }
  };
  const timedKey = (key: DeviceKey): DeviceKey => ({
    usages: key.usages,
    encrypt: (input) => timed(() => key.encrypt(input)),
    decrypt: (input) => timed(() => key.decrypt(input)),
  });
  return {
    device: {
      ...device,
      key: (label) => timedKey(device.key(label)),
      randomBytes: (length) => timed(() => device.randomBytes(length)),
    },
    elapsedMs: () => elapsedMs,
  };
}
