import type { Ids } from '../ids.ts';
import type { KeyMaterial, PairMaterial, SecretMaterial } from './material/key-material.ts';

/** One of the key materials that a key has had. Only symmetric keys have more than one. */
export interface KeyVersion {
  /** The id by which the API names the material: 64 lower-case hex digits. */
  readonly id: string;
  /** Undefined while imported material is deleted, expired or not yet imported in this Region. */
  readonly material: KeyMaterial | undefined;
  /** Encryption takes the current version, decryption the one that encrypted. A pending one waits for rotation. */
  readonly state: 'CURRENT' | 'NON_CURRENT' | 'PENDING_ROTATION';
  /** When and why it became current; the first version was it from the beginning. */
  readonly rotation?: { readonly at: Date; readonly type: 'AUTOMATIC' | 'ON_DEMAND' };
  /** What an import said about it. */
  readonly description?: string;
  readonly expiresAt?: Date | undefined;
}

/** What has versions: a key. */
interface WithVersions {
  readonly versions: readonly KeyVersion[];
}

/** The first version of a new key. */
export function firstVersion(material: KeyMaterial, ids: Ids): KeyVersion {
  return { id: ids.hex('key-material', 64), material, state: 'CURRENT' };
}

/** The version that encrypts; undefined if nothing was ever imported. */
export function currentVersion({ versions }: WithVersions): KeyVersion | undefined {
  return versions.find(({ state }) => state === 'CURRENT');
}

/** The versions that are the key's: one that waits for rotation is not yet. */
export function associatedVersions({ versions }: WithVersions): readonly KeyVersion[] {
  return versions.filter(({ state }) => state !== 'PENDING_ROTATION');
}

/** The versions after one of them has become current, the former current one stays for decryption. */
export function rotated(
  versions: readonly KeyVersion[],
  next: Omit<KeyVersion, 'state' | 'rotation'>,
  rotation: NonNullable<KeyVersion['rotation']>,
): readonly KeyVersion[] {
  const others = versions.filter(({ id }) => id !== next.id);
  return [
    ...others.map((version) =>
      version.state === 'CURRENT' ? { ...version, state: 'NON_CURRENT' as const } : version,
    ),
    { ...next, state: 'CURRENT', rotation },
  ];
}

/** The key pair of an asymmetric key that is ready for use. */
export function currentPair(key: WithVersions): PairMaterial {
  const material = currentVersion(key)?.material;
  if (material && material.type !== 'secret') return material;
  throw new TypeError('key: expected an asymmetric key with its material');
}

/** The secret of an HMAC key that is ready for use. */
export function currentSecret(key: WithVersions): SecretMaterial {
  const material = currentVersion(key)?.material;
  if (material?.type === 'secret') return material;
  throw new TypeError('key: expected a key of a secret, with its material');
}
