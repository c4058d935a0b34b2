import type { StoreKeyConfig } from '../config/keys.ts';
import type { DeviceKeySelector } from '../devices/key-selector.ts';
import { lastVersion } from '../stores.ts';

/**
 * An external key with one more version. That decrypts as soon as a process has read of it, and encrypts only when all of
 * them have had the time to do so: else one would refuse what another has just encrypted.
 */
export function withNextVersion(key: StoreKeyConfig, selector: DeviceKeySelector): StoreKeyConfig {
  const encryptsFrom = new Date(Math.ceil(Date.now() / 1000) * 1000 + NOTICE_MS);
  const next = { version: lastVersion(key).version + 1, selector, encryptsFrom };
  return { ...key, versions: [...key.versions, next] };
}

// A proxy looks at its files every second, and may have a clock of its own. On a network file system what it sees may be a
// minute old: NFS keeps attributes for that long (nfs(5), acregmax and acdirmax).
const NOTICE_MS = 120_000;
