import { randomBytes } from 'node:crypto';
import type { HealthConfig } from './config.ts';
import { withDeadline } from './deadline.ts';
import type { KeyDevice } from './key-device.ts';
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
  /** Label of the key to probe with; without one the probe asks the device for random bytes only. */
  readonly keyLabel: string | undefined;
  readonly timeoutMs: number;
  /** Told when the status changes, and why. */
  readonly onChange: (status: HealthStatus, cause?: unknown) => void;
}

/** Health by probing; concurrent and frequent questions share one probe. */
export function fleetHealth({
  device,
  config,
  keyLabel,
  timeoutMs,
  onChange,
}: FleetHealthOptions): FleetHealth {
  let latest: { status: HealthStatus; expiresAtMs: number } | undefined;
  let running: Promise<HealthStatus> | undefined;

  const probe = async (): Promise<HealthStatus> => {
    let status: HealthStatus = 'UNAVAILABLE';
    let cause: unknown;
    try {
      await withDeadline(roundTrip(device, keyLabel), timeoutMs);
      status = 'ACTIVE';
    } catch (error) {
      cause = error;
    }
    if (status !== latest?.status) onChange(status, cause);
    latest = { status, expiresAtMs: performance.now() + LIFETIME_MS[status] };
    return status;
  };

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

async function roundTrip(device: KeyDevice, keyLabel: string | undefined): Promise<void> {
  const iv = await device.randomBytes(12);
  if (keyLabel === undefined) return;
  const key = device.key(keyLabel);
  const plaintext = randomBytes(32);
  const aad = Buffer.from('health');
  const sealed = await key.encrypt({ iv, aad, plaintext });
  const opened = await key.decrypt({ iv, aad, ...sealed });
  if (!plaintext.equals(opened)) throw new Error('the device returned a wrong plaintext');
}

// KMS wants at most a minute; a failure is looked at again soon, so that a recovery shows.
const LIFETIME_MS = { ACTIVE: 10_000, UNAVAILABLE: 1_000 } as const satisfies Record<HealthStatus, number>;
