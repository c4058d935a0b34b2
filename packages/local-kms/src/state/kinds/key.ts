import { z } from 'zod';
import { isKeySpec, KEY_USAGES, type KeySpec, keySpecRow } from '../../keys/key-specs.ts';
import type { KmsKey } from '../../keys/kms-key.ts';
import { materialBytes } from '../../keys/material/material-bytes.ts';
import type { KeyVersion } from '../../keys/versions.ts';
import type { RecordKind } from '../records.ts';
import { optionally, storedBytes, storedPairs, storedTime } from './stored.ts';

/** The keys of a Region by their ids, with their material. */
export const keyKind: RecordKind<KmsKey> = {
  name: 'key',
  toStored: ({ createdAt, rotation, deletion, tags, versions, ...key }) => ({
    ...key,
    createdAt: createdAt.getTime(),
    rotation: rotation && { ...rotation, nextAt: rotation.nextAt.getTime() },
    deletion: deletion && { ...deletion, at: deletion.at?.getTime() },
    tags: [...tags],
    versions: versions.map(({ material, rotation, expiresAt, ...version }) => ({
      ...version,
      material: material && materialBytes(material),
      rotation: rotation && { ...rotation, at: rotation.at.getTime() },
      expiresAt: expiresAt?.getTime(),
    })),
  }),
  fromStored(stored) {
    const { tags, versions, ...key } = keySchema.parse(stored);
    return { ...key, tags: new Map(tags), versions: versions.map((version) => versionOf(key.spec, version)) };
  },
};

const versionSchema = z.strictObject({
  id: z.string(),
  material: optionally(storedBytes),
  state: z.enum(['CURRENT', 'NON_CURRENT', 'PENDING_ROTATION']),
  rotation: optionally(z.strictObject({ at: storedTime, type: z.enum(['AUTOMATIC', 'ON_DEMAND']) })),
  description: z.string().optional(),
  expiresAt: optionally(storedTime),
});

const keySchema = z.strictObject({
  id: z.string(),
  arn: z.string(),
  region: z.string(),
  spec: z.custom<KeySpec>((name) => typeof name === 'string' && isKeySpec(name)),
  usage: z.enum(KEY_USAGES),
  origin: z.enum(['AWS_KMS', 'EXTERNAL', 'EXTERNAL_KEY_STORE']),
  createdAt: storedTime,
  description: z.string(),
  enabled: z.boolean(),
  versions: z.array(versionSchema),
  external: optionally(z.strictObject({ customKeyStoreId: z.string(), xksKeyId: z.string() })),
  primaryRegion: optionally(z.string()),
  rotation: optionally(z.strictObject({ periodDays: z.int(), nextAt: storedTime })),
  deletion: optionally(z.strictObject({ windowDays: z.int(), at: optionally(storedTime) })),
  policy: z.string(),
  tags: storedPairs,
});

function versionOf(
  spec: KeySpec,
  { id, state, material: bytes, rotation, description, expiresAt }: z.output<typeof versionSchema>,
): KeyVersion {
  const material = bytes && keySpecRow(spec).import(bytes);
  if (bytes && !material) throw new RangeError(`material: expected that of ${spec}`);
  return {
    id,
    material,
    state,
    ...(rotation && { rotation }),
    ...(description !== undefined && { description }),
    expiresAt,
  };
}
