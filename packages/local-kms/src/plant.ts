import { importedMaterialId } from './keys/imported-versions.ts';
import { keySpecRow } from './keys/key-specs.ts';
import { newKey, newReplica } from './keys/new-key.ts';
import { firstVersion, type KeyVersion } from './keys/versions.ts';
import type { Account, Kms } from './kms.ts';
import type { ParsedSeed, PlacedKey } from './seed.ts';

/** Makes the keys and aliases of a seed. */
export async function plant(account: Account, { keys }: ParsedSeed): Promise<void> {
  for (const seedKey of keys) await plantKey(account.region(seedKey.region), seedKey);
}

async function plantKey(kms: Kms, seedKey: PlacedKey): Promise<void> {
  const { id, spec, usage, policy, replicaRegions, aliases, tags } = seedKey;
  const key = newKey(kms, {
    id,
    spec,
    usage,
    origin: 'AWS_KMS',
    external: undefined,
    multiRegion: replicaRegions.length > 0 || id?.startsWith('mrk-') === true,
    description: seedKey.description,
    policy,
    tags,
  });
  const primary = { ...key, versions: [await versionOf(kms.account, key.id, seedKey)] };
  const related = [
    primary,
    ...replicaRegions.map((name) => newReplica(kms.account.region(name), primary, primary)),
  ];
  for (const relatedKey of related) {
    const region = kms.account.region(relatedKey.region);
    region.keys.add(relatedKey);
    for (const name of aliases) region.aliases.create(name, relatedKey.id);
  }
}

async function versionOf(
  { ids }: Account,
  keyId: string,
  { spec, material: bytes }: PlacedKey,
): Promise<KeyVersion> {
  const material = bytes && keySpecRow(spec).import(bytes);
  if (material) return { id: importedMaterialId(keyId, material), material, state: 'CURRENT' };
  return firstVersion(await keySpecRow(spec).generate(), ids);
}
