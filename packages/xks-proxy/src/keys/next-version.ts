import { lastVersion } from '../config/key-versions.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import type { DeviceKeySelector } from '../devices/key-selector.ts';

/**
 * An external key with one more version. The new version decrypts as soon as a process has read it, and encrypts only when
 * all processes have had time to read it: otherwise one would refuse what another has just encrypted.
 */
export function withNextVersion(key: StoreKeyConfig, selector: DeviceKeySelector): StoreKeyConfig {
  const encryptsFrom = new Date(Math.ceil(Date.now() / 1000) * 1000 + NOTICE_MS);
  const next = { version: lastVersion(key).version + 1, selector, encryptsFrom };
  return { ...key, versions: [...key.versions, next] };
}

// A proxy checks its files every second, and its clock may differ. On a network file system the files that it sees may be
// a minute old: NFS caches attributes for that long (nfs(5), acregmax and acdirmax).
const NOTICE_MS = 120_000;
