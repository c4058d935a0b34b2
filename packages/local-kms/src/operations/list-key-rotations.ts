import { z } from 'zod';
import { isPendingInAReplica } from '../keys/imported-versions.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import { assertRotatable } from '../keys/rotation.ts';
import type { KeyVersion } from '../keys/versions.ts';
import type { Call } from '../kms.ts';
import { keyId, limit, marker } from '../protocol/members.ts';
import { type Output, operation } from '../protocol/operation.ts';
import { pageOf } from '../protocol/pages.ts';
import { toTimestamp } from '../protocol/time.ts';

/** The rotations of a key, or all its materials, oldest first, page by page. */
export const listKeyRotations = operation({
  input: z.object({
    KeyId: keyId,
    IncludeKeyMaterial: z.enum(['ALL_KEY_MATERIAL', 'ROTATIONS_ONLY']).default('ROTATIONS_ONLY'),
    Limit: limit({ default: 100, max: 1000 }),
    Marker: marker,
  }),
  run({ KeyId, IncludeKeyMaterial, Limit, Marker }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertRotatable(key);
    const listed = key.versions
      .map((version, position) => ({ version, place: String(position).padStart(6, '0') }))
      .filter(({ version }) => IncludeKeyMaterial === 'ALL_KEY_MATERIAL' || version.rotation);
    const page = { limit: Limit, marker: Marker };
    const { entries, end } = pageOf('ListKeyRotations', listed, ({ place }) => place, page);
    return { Rotations: entries.map(({ version }) => describe(call, key, version)), ...end };
  },
});

function describe(call: Call, key: KmsKey, version: KeyVersion): Output {
  const { id, state, rotation } = version;
  const pendingElsewhere = state === 'PENDING_ROTATION' && isPendingInAReplica(call.account, key, id);
  return {
    KeyId: key.id,
    KeyMaterialId: id,
    KeyMaterialState: pendingElsewhere ? 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION' : state,
    ...(key.origin === 'EXTERNAL' && importMembers(version)),
    ...(rotation && { RotationDate: toTimestamp(rotation.at), RotationType: rotation.type }),
  };
}

function importMembers({ material, description, expiresAt }: KeyVersion): Output {
  if (!material) return { ImportState: 'PENDING_IMPORT', KeyMaterialDescription: description };
  return {
    ImportState: 'IMPORTED',
    KeyMaterialDescription: description,
    ExpirationModel: expiresAt ? 'KEY_MATERIAL_EXPIRES' : 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    ValidTo: expiresAt && toTimestamp(expiresAt),
  };
}
