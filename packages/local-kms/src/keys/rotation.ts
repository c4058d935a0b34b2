import { daysAfter } from '../clock.ts';
import type { Account } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import type { KmsKey } from './kms-key.ts';
import { generateSecret } from './material/secrets.ts';
import { updateRelated } from './multi-region.ts';
import { type KeyVersion, rotated } from './versions.ts';

/** Throws UnsupportedOperationException unless the key is one that can have more than one material. */
export function assertRotatable({ arn, spec, external }: KmsKey): void {
  if (spec === 'SYMMETRIC_DEFAULT' && !external) return;
  throw new KmsException('UnsupportedOperationException', `The key ${arn} cannot be rotated.`);
}

/** Throws UnsupportedOperationException unless this KMS makes the new material by itself. */
export function assertRotatesAutomatically(key: KmsKey): void {
  assertRotatable(key);
  if (key.origin === 'AWS_KMS') return;
  throw new KmsException('UnsupportedOperationException', `The key ${key.arn} has imported material.`);
}

/** Gives a key, and those related to it, new material of this KMS. What was encrypted before stays readable. */
export function rotate(account: Account, key: KmsKey, rotation: NonNullable<KeyVersion['rotation']>): void {
  const next = { id: account.ids.hex('key-material', 64), material: generateSecret(32) };
  updateRelated(account, key, { versions: rotated(key.versions, next, rotation) });
}

/** Makes up, once, for the rotations that a key has missed while it could not be used. */
export function postponeRotation(account: Account, key: KmsKey): void {
  const now = account.clock.now();
  if (!key.rotation || key.rotation.nextAt > now) return;
  updateRelated(account, key, { rotation: { ...key.rotation, nextAt: now } });
}

/** Rotates a key whose time has come, and sets the next time. */
export function rotateAsScheduled(account: Account, key: KmsKey, at: Date): void {
  if (!key.rotation) return;
  const { periodDays } = key.rotation;
  rotate(account, key, { at, type: 'AUTOMATIC' });
  updateRelated(account, key, { rotation: { periodDays, nextAt: daysAfter(at, periodDays) } });
}
