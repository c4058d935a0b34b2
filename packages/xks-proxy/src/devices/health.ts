import { isKeyUsed } from '../budget/iv-budget.ts';
import { deadlineIn, inTime } from '../deadline.ts';
import { callWatch } from './call-watch.ts';
import { isKeyFailure } from './failures.ts';
import { ownTrial, type Trial, trialWith } from './health-trial.ts';
import type { KeyDevice } from './key-device.ts';
import type { DeviceKeySelector } from './key-selector.ts';

/** The state of a key manager (XKS API v1, "GetHealthStatus"). */
export type HealthStatus = 'ACTIVE' | 'DEGRADED' | 'UNAVAILABLE';

/** The health of one device. */
export interface DeviceHealth {
  /**
   * The outcome of a real encryption and decryption, at most ten seconds old, or the state that the calls since then show
   * if that is worse. If no key may encrypt any more, the device is asked for something that needs no key. While encryptions
   * cannot be counted, none is made, and an earlier ciphertext is decrypted: a device that does so is `DEGRADED`. Never
   * rejects.
   */
  status(): Promise<HealthStatus>;
}

/** A key of a store that a device is probed with if the configuration names no key for trials. */
export interface BorrowedKey {
  readonly store: string;
  readonly externalKeyId: string;
  readonly selector: DeviceKeySelector;
}

/** The device to probe, and how. */
export interface DeviceHealthOptions {
  readonly device: KeyDevice;
  /** The state that the calls of the last seconds show. */
  readonly calls: () => HealthStatus;
  /** Label of the key for trials, if there is one. */
  readonly keyLabel: string | undefined;
  /**
   * Keys to probe with otherwise. A failure of such a key is no failure of the device; if none is usable, the probe asks
   * for something that needs no key.
   */
  readonly borrowed: readonly BorrowedKey[];
  readonly timeoutMs: number;
  /** Called when the status changes, with the cause. */
  readonly onChange: (status: HealthStatus, cause?: unknown) => void;
  /** Called when a borrowed key fails that was usable before. */
  readonly onKeyFailure: (key: BorrowedKey, cause: unknown) => void;
}

/** Finds out the health of a device by probing it; callers at the same time, or soon after each other, share one probe. */
export function deviceHealth({
  device,
  calls,
  keyLabel,
  borrowed,
  timeoutMs,
  onChange,
  onKeyFailure,
}: DeviceHealthOptions): DeviceHealth {
  let latest: { readonly status: HealthStatus; readonly atMs: number } | undefined;
  let running: Promise<HealthStatus> | undefined;
  const trial = keyLabel === undefined ? borrowingTrial() : ownTrial({ label: keyLabel });

  const probe = async (): Promise<HealthStatus> => {
    let status: HealthStatus = 'UNAVAILABLE';
    let cause: unknown;
    try {
      const deadline = deadlineIn(timeoutMs);
      cause = await inTime(trial(callWatch(deadline).over(device)), deadline);
      status = cause === undefined ? 'ACTIVE' : 'DEGRADED';
    } catch (error) {
      cause = error;
    }
    if (status !== latest?.status) onChange(status, cause);
    latest = { status, atMs: performance.now() };
    return status;
  };

  /** Tries a few borrowed keys; a key that fails goes to the end of the list. */
  function borrowingTrial(): Trial {
    let trials = borrowed.map((key) => ({ key, run: trialWith(key.selector) }));
    const failing = new Set<BorrowedKey>();
    return async (target) => {
      for (const tried of trials.slice(0, MAX_BORROWED_KEYS)) {
        const { key, run } = tried;
        try {
          const uncounted = await run(target);
          failing.delete(key);
          return uncounted;
        } catch (error) {
          const isUsed = isKeyUsed(error);
          if (!isUsed && !isKeyFailure(error)) throw error;
          trials = [...trials.filter((other) => other !== tried), tried];
          if (isUsed) continue;
          if (!failing.has(key)) onKeyFailure(key, error);
          failing.add(key);
        }
      }
      await target.ping();
      return undefined;
    };
  }

  return {
    async status() {
      if (latest !== undefined) {
        const status = worse(latest.status, calls());
        if (performance.now() < latest.atMs + LIFETIME_MS[status]) return status;
      }
      running ??= probe().finally(() => {
        running = undefined;
      });
      return worse(await running, calls());
    },
  };
}

function worse(a: HealthStatus, b: HealthStatus): HealthStatus {
  return STATUSES.indexOf(a) > STATUSES.indexOf(b) ? a : b;
}

const STATUSES = ['ACTIVE', 'DEGRADED', 'UNAVAILABLE'] as const satisfies readonly HealthStatus[];
const MAX_BORROWED_KEYS = 4;
// KMS allows a minute at most; after a failure the device is probed again soon, so that a recovery shows.
const LIFETIME_MS = { ACTIVE: 10_000, DEGRADED: 1_000, UNAVAILABLE: 1_000 } as const satisfies Record<
  HealthStatus,
  number
>;
