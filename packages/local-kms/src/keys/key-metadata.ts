import type { Kms } from '../kms.ts';
import type { Output } from '../protocol/operation.ts';
import { toTimestamp } from '../protocol/time.ts';
import { type KeyUsage, keySpecRow } from './key-specs.ts';
import { keyState } from './key-state.ts';
import type { KmsKey } from './kms-key.ts';
import { relatedKeys } from './multi-region.ts';
import { associatedVersions, currentVersion, type KeyVersion } from './versions.ts';

/** The `KeyMetadata` of CreateKey and DescribeKey, and the `ReplicaKeyMetadata` of ReplicateKey. */
export function keyMetadata(kms: Kms, key: KmsKey): Output {
  const state = keyState(kms, key);
  const { external, deletion } = key;
  return {
    AWSAccountId: kms.scope.accountId,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: toTimestamp(key.createdAt),
    Enabled: state === 'Enabled',
    Description: key.description,
    KeyUsage: key.usage,
    KeyState: state,
    DeletionDate: deletion?.at && toTimestamp(deletion.at),
    PendingDeletionWindowInDays: state === 'PendingReplicaDeletion' ? deletion?.windowDays : undefined,
    ...importMembers(key),
    Origin: key.origin,
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    ...algorithmsOf(key),
    MultiRegion: key.primaryRegion !== undefined,
    MultiRegionConfiguration: multiRegionConfiguration(kms, key),
    CurrentKeyMaterialId: keyMaterialId(key),
    CustomKeyStoreId: external?.customKeyStoreId,
    XksKeyConfiguration: external && { Id: external.xksKeyId },
  };
}

/** The list of algorithms that a key has for its usage, under the name that the API has for such a list. */
export function algorithmsOf({ spec, usage }: KmsKey): Output {
  return { [ALGORITHM_LISTS[usage]]: keySpecRow(spec).algorithms[usage] };
}

/** The `KeyMaterialId` of an answer: keys in a custom key store and asymmetric keys have none. */
export function keyMaterialId(
  key: KmsKey,
  version: Pick<KeyVersion, 'id'> | undefined = currentVersion(key),
): string | undefined {
  return key.spec === 'SYMMETRIC_DEFAULT' && !key.external ? version?.id : undefined;
}

function importMembers(key: KmsKey): Output {
  if (key.origin !== 'EXTERNAL') return {};
  const imported = associatedVersions(key).filter(({ material }) => material !== undefined);
  if (imported.length === 0) return {};
  const expiries = imported.flatMap(({ expiresAt }) => (expiresAt ? [toTimestamp(expiresAt)] : []));
  if (expiries.length === 0) return { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' };
  return { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: Math.min(...expiries) };
}

function multiRegionConfiguration({ account }: Kms, key: KmsKey): Output | undefined {
  if (key.primaryRegion === undefined) return undefined;
  const related = relatedKeys(account, key);
  const place = ({ arn, region }: KmsKey) => ({ Arn: arn, Region: region });
  return {
    MultiRegionKeyType: key.region === key.primaryRegion ? 'PRIMARY' : 'REPLICA',
    PrimaryKey: related.filter(({ region }) => region === key.primaryRegion).map(place)[0],
    ReplicaKeys: related.filter(({ region }) => region !== key.primaryRegion).map(place),
  };
}

const ALGORITHM_LISTS = {
  ENCRYPT_DECRYPT: 'EncryptionAlgorithms',
  SIGN_VERIFY: 'SigningAlgorithms',
  GENERATE_VERIFY_MAC: 'MacAlgorithms',
  KEY_AGREEMENT: 'KeyAgreementAlgorithms',
  ENCAPSULATE_DECAPSULATE: 'EncapsulationAlgorithms',
} as const satisfies Record<KeyUsage, string>;
