import { randomBytes } from 'node:crypto';
import type { HealthConfig } from './config.ts';
import { withDeadline } from './deadline.ts';
import type { KeyDevice } from './key-device.ts';
import { isKeyFailure } from './pkcs11-device.ts';
import { timedDevice } from './timed-device.ts';
import { PRODUCT_VERSION } from './version.ts';

/** How well a key manager serves (XKS API v1, "GetHealthStatus"). */
export type HealthStatus = 'ACTIVE' | 'UNAVAILABLE';

/** What GetHealthStatus tells about the proxy and the key manager behind it. */
export interface FleetHealth {
  readonly fleetSize: number;
  readonly proxyVendor: string;
  readonly proxyModel: string;
  readonly ekmVendor: string;
  readonly ekmModel: string;
  /** The outcome of a real encryption and decryption, at most ten seconds old. Never rejects. */
  status(): Promise<HealthStatus>;
}

/** What is probed, how long it may take, and who is told. */
export interface FleetHealthOptions {
  readonly device: KeyDevice;
  readonly config: HealthConfig;
  /**
   * Labels of keys of the stores to probe with if the configuration names no key for it. A failure of one of them is
   * not one of the device; when none is usable the probe asks for random bytes only.
   */
  readonly borrowedLabels: readonly string[];
  readonly timeoutMs: number;
  /** Told when the status changes, and why. */
  readonly onChange: (status: HealthStatus, cause?: unknown) => void;
  /** Told when a borrowed key fails that was usable before. */
  readonly onKeyFailure: (label: string, cause: unknown) => void;
}

/** Health by probing; concurrent and frequent questions share one probe. */
export function fleetHealth({
  device,
  config,
  borrowedLabels,
  timeoutMs,
  onChange,
  onKeyFailure,
}: FleetHealthOptions): FleetHealth {
  let latest: { status: HealthStatus; expiresAtMs: number } | undefined;
  let running: Promise<HealthStatus> | undefined;
  const trial = config.keyLabel === undefined ? borrowingTrial() : trialWith(config.keyLabel);

  const probe = async (): Promise<HealthStatus> => {
    let status: HealthStatus = 'UNAVAILABLE';
    let cause: unknown;
    try {
      const deadline = new AbortController();
      await withDeadline(trial(timedDevice(device, deadline.signal).device), timeoutMs, deadline);
      status = 'ACTIVE';
    } catch (error) {
      cause = error;
    }
    if (status !== latest?.status) onChange(status, cause);
    latest = { status, expiresAtMs: performance.now() + LIFETIME_MS[status] };
    return status;
  };

  /** Tries a few borrowed keys; one that fails goes to the end of the list. */
  function borrowingTrial(): Trial {
    let labels = borrowedLabels;
    const failing = new Set<string>();
    return async (target) => {
      for (const label of labels.slice(0, MAX_BORROWED_KEYS)) {
        try {
          await trialWith(label)(target);
          failing.delete(label);
          return;
        } catch (error) {
          if (!isKeyFailure(error)) throw error;
          labels = [...labels.filter((other) => other !== label), label];
          if (!failing.has(label)) onKeyFailure(label, error);
          failing.add(label);
        }
      }
      await target.randomBytes(IV_BYTES);
    };
  }

  return {
    fleetSize: config.fleetSize,
    proxyVendor: config.proxyVendor ?? 'Holdfast',
    proxyModel: config.proxyModel ?? `Holdfast XKS proxy ${PRODUCT_VERSION}`,
    ekmVendor: config.ekmVendor ?? device.manufacturer,
    ekmModel: config.ekmModel ?? device.model,
    async status() {
      if (latest !== undefined && performance.now() < latest.expiresAtMs) return latest.status;
      running ??= probe().finally(() => {
        running = undefined;
      });
      return running;
    },
  };
}

type Trial = (device: KeyDevice) => Promise<void>;

/** A real encryption and decryption. */
function trialWith(label: string): Trial {
  return async (device) => {
    const key = device.key(label);
    const iv = await device.randomBytes(IV_BYTES);
    const plaintext = randomBytes(32);
    const aad = Buffer.from('health');
    const sealed = await key.encrypt({ iv, aad, plaintext });
    const opened = await key.decrypt({ iv, aad, ...sealed });
    if (!plaintext.equals(opened)) throw new Error('the device returned a wrong plaintext');
  };
}

const IV_BYTES = 12;
const MAX_BORROWED_KEYS = 4;
// KMS wants at most a minute; a failure is looked at again soon, so that a recovery shows.
const LIFETIME_MS = { ACTIVE: 10_000, UNAVAILABLE: 1_000 } as const satisfies Record<HealthStatus, number>;
