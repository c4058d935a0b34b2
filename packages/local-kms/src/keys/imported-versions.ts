import { createHmac } from 'node:crypto';
import type { Account } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import type { KmsKey } from './kms-key.ts';
import type { KeyMaterial } from './material/key-material.ts';
import { materialBytes } from './material/material-bytes.ts';
import { assertNoReplica, relatedKeys, replicasOf } from './multi-region.ts';
import { type KeyVersion, rotated } from './versions.ts';

/** Material that was unwrapped, and what the request says about it. */
export interface ImportedMaterial {
  readonly material: KeyMaterial;
  readonly type: 'NEW_KEY_MATERIAL' | 'EXISTING_KEY_MATERIAL' | undefined;
  readonly description: string | undefined;
  readonly expiresAt: Date | undefined;
}

/** Throws UnsupportedOperationException for a key that makes its material by itself. */
export function assertImports({ arn, origin }: KmsKey): void {
  if (origin === 'EXTERNAL') return;
  throw new KmsException(
    'UnsupportedOperationException',
    `The key ${arn} does not have the origin EXTERNAL.`,
  );
}

/** The id of imported material: the same for the same bytes in the same key, and no way back to them. */
export function importedMaterialId(keyId: string, material: KeyMaterial): string {
  const bytes = materialBytes(material);
  try {
    return createHmac('sha256', bytes).update(keyId, 'utf8').digest('hex');
  } finally {
    bytes.fill(0);
  }
}

/**
 * Gives a key imported material: its first, one that waits for rotation, or one it had before. Replicas are told
 * what they are to import. Throws IncorrectKeyMaterialException for material that is new, or not new, against
 * what the request says, and for a second material of a key that has one only.
 */
export function addImported(account: Account, key: KmsKey, id: string, imported: ImportedMaterial): void {
  const known = key.versions.some((version) => version.id === id);
  const isNew = imported.type ? imported.type === 'NEW_KEY_MATERIAL' : key.versions.length === 0;
  if (isNew === known) throw incorrect(key);
  const { material, expiresAt, description } = imported;
  const details = { material, expiresAt, ...(description !== undefined && { description }) };
  if (isNew) addNew(account, key, { id, state: nextState(key), ...details });
  else {
    const versions = key.versions.map((version) =>
      version.id === id ? { ...version, ...details } : version,
    );
    account.region(key.region).keys.update(key.id, { versions });
  }
}

/** Whether material that waits for rotation is still missing in a Region. */
export function isPendingInAReplica(account: Account, key: KmsKey, versionId: string): boolean {
  return replicasOf(account, key).some(({ versions }) =>
    versions.some(({ id, material }) => id === versionId && material === undefined),
  );
}

/** Makes the waiting material the current one everywhere. Throws KMSInvalidStateException if there is none. */
export function rotateToImported(
  account: Account,
  key: KmsKey,
  rotation: NonNullable<KeyVersion['rotation']>,
): void {
  const pending = key.versions.find(({ state }) => state === 'PENDING_ROTATION');
  if (!pending?.material || isPendingInAReplica(account, key, pending.id)) {
    throw new KmsException(
      'KMSInvalidStateException',
      `The key ${key.arn} has no material that waits for rotation.`,
    );
  }
  for (const { id, region, versions } of relatedKeys(account, key)) {
    const next = versions.find((version) => version.id === pending.id) ?? pending;
    account.region(region).keys.update(id, { versions: rotated(versions, next, rotation) });
  }
}

/**
 * Deletes material, the current one unless the request names another: what waits for rotation is forgotten, any
 * other can be imported again. Returns its id. Throws NotFoundException for an id that the key does not have.
 */
export function deleteImported(account: Account, key: KmsKey, versionId?: string): string | undefined {
  const wanted = key.versions.find(({ id, state }) => (versionId ? id === versionId : state === 'CURRENT'));
  if (!wanted) {
    if (versionId === undefined) return undefined;
    throw new KmsException('NotFoundException', `The key ${key.arn} has no such key material.`);
  }
  if (wanted.state === 'PENDING_ROTATION' && key.region === (key.primaryRegion ?? key.region)) {
    for (const { id, region, versions } of relatedKeys(account, key)) {
      const others = versions.filter((version) => version.id !== wanted.id);
      account.region(region).keys.update(id, { versions: others });
    }
    return wanted.id;
  }
  const versions = key.versions.map((version) =>
    version === wanted ? { ...version, material: undefined, expiresAt: undefined } : version,
  );
  account.region(key.region).keys.update(key.id, { versions });
  return wanted.id;
}

function addNew(account: Account, key: KmsKey, version: KeyVersion): void {
  assertNoReplica(key);
  const { id, state } = version;
  account.region(key.region).keys.update(key.id, { versions: [...key.versions, version] });
  for (const replica of replicasOf(account, key)) {
    const versions = [...replica.versions, { id, state, material: undefined }];
    account.region(replica.region).keys.update(replica.id, { versions });
  }
}

function nextState(key: KmsKey): KeyVersion['state'] {
  if (key.versions.length === 0) return 'CURRENT';
  if (key.spec !== 'SYMMETRIC_DEFAULT') throw incorrect(key);
  if (key.versions.every(({ state }) => state !== 'PENDING_ROTATION')) return 'PENDING_ROTATION';
  throw new KmsException(
    'KMSInvalidStateException',
    `The key ${key.arn} has material that waits for rotation.`,
  );
}

function incorrect({ arn }: KmsKey): KmsException {
  return new KmsException(
    'IncorrectKeyMaterialException',
    `This is not the key material to import into ${arn}.`,
  );
}
