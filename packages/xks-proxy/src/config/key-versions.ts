import type { KeyUsage } from '../devices/key-device.ts';
import type { KeyVersionConfig, StoreKeyConfig } from './keys.ts';

/** The generation of the key's material that encrypts: the last one whose time has come, or else the first. */
export function currentVersion({ versions, externalKeyId }: StoreKeyConfig): KeyVersionConfig {
  const nowMs = Date.now();
  const isOn = ({ encryptsFrom }: KeyVersionConfig) =>
    encryptsFrom === undefined || encryptsFrom.getTime() <= nowMs;
  const current = versions.findLast(isOn) ?? versions[0];
  if (current === undefined) throw new TypeError(`${externalKeyId}: expected a version`);
  return current;
}

/** The newest generation, which may not encrypt yet. */
export function lastVersion({ versions, externalKeyId }: StoreKeyConfig): KeyVersionConfig {
  const last = versions.at(-1);
  if (last === undefined) throw new TypeError(`${externalKeyId}: expected a version`);
  return last;
}

/** The usages of a key that its configuration and its device both allow. */
export function keyUsages(key: StoreKeyConfig, ofDevice: readonly KeyUsage[]): readonly KeyUsage[] {
  return key.usages.filter((usage) => ofDevice.includes(usage));
}
