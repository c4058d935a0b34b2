import { isKeyUsed } from '../budget/iv-budget.ts';
import { deadlineIn, inTime } from '../deadline.ts';
import { callWatch } from './call-watch.ts';
import { isKeyFailure } from './failures.ts';
import { ownTrial, type Trial, trialWith } from './health-trial.ts';
import type { KeyDevice } from './key-device.ts';
import type { DeviceKeySelector } from './key-selector.ts';

/** How well a key manager serves (XKS API v1, "GetHealthStatus"). */
export type HealthStatus = 'ACTIVE' | 'DEGRADED' | 'UNAVAILABLE';

/** The health of one device. */
export interface DeviceHealth {
  /**
   * The outcome of a real encryption and decryption, at most ten seconds old, or what the calls since then say if that
   * is worse. Where no key may encrypt any more, something that needs none is asked for. While encryptions cannot be
   * counted, and none is made, what was encrypted before is decrypted: a device that does so is `DEGRADED`. Never rejects.
   */
  status(): Promise<HealthStatus>;
}

/** A key of a store, which a device is tried with if the configuration names none for it. */
export interface BorrowedKey {
  readonly store: string;
  readonly externalKeyId: string;
  readonly selector: DeviceKeySelector;
}

/** What is probed, how long it may take, and who is told. */
export interface DeviceHealthOptions {
  readonly device: KeyDevice;
  /** What the calls of the last seconds say. */
  readonly calls: () => HealthStatus;
  /** Label of the key for trials, if there is one for them. */
  readonly keyLabel: string | undefined;
  /**
   * Keys to probe with otherwise. A failure of one of them is not one of the device; when none is usable the probe
   * asks for something that needs no key.
   */
  readonly borrowed: readonly BorrowedKey[];
  readonly timeoutMs: number;
  /** Told when the status changes, and why. */
  readonly onChange: (status: HealthStatus, cause?: unknown) => void;
  /** Told when a borrowed key fails that was usable before. */
  readonly onKeyFailure: (key: BorrowedKey, cause: unknown) => void;
}

/** Health by probing; concurrent and frequent questions share one probe. */
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

  /** Tries a few borrowed keys; one that fails goes to the end of the list. */
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
// KMS wants at most a minute; a failure is looked at again soon, so that a recovery shows.
const LIFETIME_MS = { ACTIVE: 10_000, DEGRADED: 1_000, UNAVAILABLE: 1_000 } as const satisfies Record<
  HealthStatus,
  number
>;
