import { kmsArn } from '../arn.ts';
import type { Kms } from '../kms.ts';
import { assertPolicy, defaultPolicy } from './key-policy.ts';
import type { KmsKey } from './kms-key.ts';
import type { KeyVersion } from './versions.ts';

/** What makes a key, besides where and when it is made. */
export interface NewKey
  extends Pick<KmsKey, 'spec' | 'usage' | 'origin' | 'external' | 'description' | 'tags'> {
  /** An id of the caller's choice; otherwise the next one. */
  readonly id?: string | undefined;
  readonly multiRegion: boolean;
  /** JSON text; otherwise the default policy. */
  readonly policy: string | undefined;
}

/** A new key of a Region without material, which is yet to be added to its keys. Throws as `assertPolicy` does. */
export function newKey({ account, scope }: Kms, { multiRegion, ...made }: NewKey): KmsKey {
  const { id = nextId(account, multiRegion), policy = defaultPolicy(scope), ...properties } = made;
  assertPolicy(policy);
  return {
    ...properties,
    id,
    arn: kmsArn(scope, `key/${id}`),
    region: scope.region,
    createdAt: account.clock.now(),
    enabled: true,
    versions: [],
    primaryRegion: multiRegion ? scope.region : undefined,
    rotation: undefined,
    deletion: undefined,
    policy,
  };
}

/**
 * A replica of a multi-Region key for another Region, which is yet to be added to its keys. Imported material
 * does not come along. Throws as `assertPolicy` does.
 */
export function newReplica(
  { account, scope }: Kms,
  primary: KmsKey,
  { description, tags, policy = defaultPolicy(scope) }: ReplicaProperties,
): KmsKey {
  assertPolicy(policy);
  return {
    ...primary,
    arn: kmsArn(scope, `key/${primary.id}`),
    region: scope.region,
    createdAt: account.clock.now(),
    enabled: true,
    versions: primary.origin === 'EXTERNAL' ? primary.versions.map(notImported) : primary.versions,
    description,
    tags,
    policy,
  };
}

/** What related keys do not share. */
interface ReplicaProperties extends Pick<KmsKey, 'description' | 'tags'> {
  readonly policy?: string | undefined;
}

function notImported(version: KeyVersion): KeyVersion {
  return { ...version, material: undefined, expiresAt: undefined };
}

function nextId({ ids }: Kms['account'], multiRegion: boolean): string {
  const uuid = ids.uuid('key');
  return multiRegion ? `mrk-${uuid.replaceAll('-', '')}` : uuid;
}
