import { XksException } from '../errors.ts';
import { isOutage } from './failures.ts';
import type { HealthStatus } from './health.ts';
import type { DeviceKey, KeyDevice } from './key-device.ts';

/** A device that is left alone for a moment when it fails again and again. */
export interface CircuitBreaker {
  /** Fails at once, as the last call did, while the device is left alone. */
  readonly device: KeyDevice;
  /**
   * `UNAVAILABLE` while the device is left alone, `DEGRADED` when it has failed in the last ten seconds and since then
   * not so often, `ACTIVE` otherwise.
   */
  status(): HealthStatus;
}

/** What is guarded. */
export interface CircuitBreakerOptions {
  readonly device: KeyDevice;
  /** Puts right what can be from here; asked for before a device is tried again that failed the trial before. */
  readonly revive: () => Promise<void>;
  /** Told when the device is left alone, and why, and when it works again. */
  readonly onChange: (status: HealthStatus, cause?: unknown) => void;
}

/**
 * Lets calls through until five in a row have failed for reasons of the device. Then none for half a second, one to see
 * whether it works again, and so on. So a request does not spend its time with a device that is out, and one that
 * comes back is not met by all that has waited for it.
 */
export function circuitBreaker({ device, revive, onChange }: CircuitBreakerOptions): CircuitBreaker {
  let failuresInRow = 0;
  let failedAtMs = Number.NEGATIVE_INFINITY;
  let open: { readonly untilMs: number; readonly last: XksException; trials: number } | undefined;
  let isTried = false;

  const succeeded = (): void => {
    failuresInRow = 0;
    if (open === undefined) return;
    open = undefined;
    onChange('ACTIVE');
  };
  const failed = (error: XksException): void => {
    failuresInRow += 1;
    failedAtMs = performance.now();
    if (failuresInRow < MAX_FAILURES_IN_ROW) return;
    if (open === undefined) onChange('UNAVAILABLE', error);
    open = { untilMs: failedAtMs + OPEN_MS, last: error, trials: (open?.trials ?? 0) + 1 };
  };
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (open !== undefined) return trial(open, work);
    try {
      const result = await work();
      succeeded();
      return result;
    } catch (error) {
      // A call of before the circuit was opened has nothing to add.
      if (open === undefined) judge(error);
      throw error;
    }
  };
  const trial = async <T>(
    { untilMs, last, trials }: NonNullable<typeof open>,
    work: () => Promise<T>,
  ): Promise<T> => {
    if (isTried || performance.now() < untilMs) {
      throw new XksException(last.errorName, last.message, { reason: 'circuit-open', cause: last.cause });
    }
    isTried = true;
    try {
      if (trials > 1) await revive();
      const result = await work();
      succeeded();
      return result;
    } catch (error) {
      judge(error);
      throw error;
    } finally {
      isTried = false;
    }
  };
  /** An answer about a key or a ciphertext is a sign of life; that there is too much to do is none of either. */
  const judge = (error: unknown): void => {
    if (!(error instanceof XksException) || error.errorName === 'ThrottlingException') return;
    if (isOutage(error)) failed(error);
    else succeeded();
  };
  const guardedKey = (key: DeviceKey): DeviceKey => ({
    usages: key.usages,
    encrypt: (input, options) => guarded(() => key.encrypt(input, options)),
    decrypt: (input, options) => guarded(() => key.decrypt(input, options)),
  });
  return {
    device: {
      name: device.name,
      key: async (selector, options) => guardedKey(await guarded(() => device.key(selector, options))),
      ping: (options) => guarded(() => device.ping(options)),
    },
    status() {
      if (open !== undefined) return 'UNAVAILABLE';
      return performance.now() - failedAtMs < DEGRADED_MS ? 'DEGRADED' : 'ACTIVE';
    },
  };
}

const MAX_FAILURES_IN_ROW = 5;
const OPEN_MS = 500;
const DEGRADED_MS = 10_000;
