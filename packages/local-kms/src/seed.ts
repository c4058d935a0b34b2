import { parse } from 'yaml';
import { z } from 'zod';
import { importedMaterialId } from './keys/imported-versions.ts';
import { foreignMaterial, isKeySpec, KEY_USAGES, type KeySpec, keySpecRow } from './keys/key-specs.ts';
import { newKey, newReplica } from './keys/new-key.ts';
import { withTags } from './keys/tags.ts';
import { firstVersion, type KeyVersion } from './keys/versions.ts';
import type { Account, Kms } from './kms.ts';
import { base64 } from './protocol/base64.ts';
import { aliasName, description, regionName } from './protocol/members.ts';
import { namedValues } from './protocol/named-values.ts';

/** What a KMS holds from the beginning; also the content of a seed file. */
export interface Seed {
  readonly keys: readonly SeedKey[];
}

/** A key to begin with. What is left out is as CreateKey has it. */
export interface SeedKey {
  /** A UUID, or `mrk-` and 32 hex digits, which makes it a multi-Region key. Default the next id. */
  readonly id?: string;
  /** Of a multi-Region key the primary one. Default the default Region of the KMS. */
  readonly region?: string;
  /** Default `SYMMETRIC_DEFAULT`. */
  readonly spec?: string;
  /** Default `ENCRYPT_DECRYPT`. */
  readonly usage?: string;
  /**
   * In base64: 32 bytes of a symmetric key, those of an HMAC key, or a private key in PKCS #8. With id and
   * material of its own, a key opens in one process what it encrypted in another. Default fresh material.
   */
  readonly material?: string;
  /** The other Regions of a multi-Region key. */
  readonly replicaRegions?: readonly string[];
  readonly description?: string;
  /** With their prefix `alias/`, in each of the Regions. */
  readonly aliases?: readonly string[];
  /** Values by tag key. */
  readonly tags?: Readonly<Record<string, string>>;
  /** The key policy. */
  readonly policy?: Readonly<Record<string, unknown>>;
}

/** A seed that was checked. */
export type ParsedSeed = z.output<typeof seedSchema>;

/** Reads a seed file, in YAML or JSON. Throws RangeError for text that is neither, and as `parseSeed` does. */
export function readSeed(text: string): Seed {
  const seed = parsedText(text);
  assertSeed(seed);
  return seed;
}

/** Checks a seed. Throws RangeError that names the member in question, never its value. */
export function parseSeed(seed: unknown): ParsedSeed {
  const parsed = seedSchema.safeParse(seed);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RangeError(`${['seed', ...(issue?.path ?? [])].map(String).join('.')}: ${issue?.message}`);
}

function assertSeed(seed: unknown): asserts seed is Seed {
  parseSeed(seed);
}

function parsedText(text: string): unknown {
  try {
    // JSON is YAML.
    return parse(text);
  } catch {
    // Without the cause, whose message quotes the text.
    throw new RangeError('seed: expected YAML or JSON');
  }
}

/**
 * Makes the keys and aliases of a seed. Rejects with the KmsError that CreateKey, ReplicateKey or CreateAlias
 * would answer with.
 */
export async function plant(account: Account, defaultRegion: string, { keys }: ParsedSeed): Promise<void> {
  for (const seedKey of keys) await plantKey(account.region(seedKey.region ?? defaultRegion), seedKey);
}

async function plantKey(kms: Kms, seedKey: ParsedSeed['keys'][number]): Promise<void> {
  const { id, spec, usage, policy, replicaRegions, aliases, tags: pairs } = seedKey;
  const tags = withTags(
    new Map(),
    Object.entries(pairs).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
  );
  const key = newKey(kms, {
    id,
    spec,
    usage,
    origin: 'AWS_KMS',
    external: undefined,
    multiRegion: replicaRegions.length > 0 || id?.startsWith('mrk-') === true,
    description: seedKey.description,
    policy: policy && JSON.stringify(policy),
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
  { spec, material: bytes }: ParsedSeed['keys'][number],
): Promise<KeyVersion> {
  const material = bytes && keySpecRow(spec).import(bytes);
  if (material) return { id: importedMaterialId(keyId, material), material, state: 'CURRENT' };
  return firstVersion(await keySpecRow(spec).generate(), ids);
}

const keySchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/)
      .optional(),
    region: regionName.optional(),
    spec: z
      .custom<KeySpec>(
        (name) => typeof name === 'string' && isKeySpec(name),
        'must be a key spec of this KMS',
      )
      .default('SYMMETRIC_DEFAULT'),
    usage: z.enum(KEY_USAGES).default('ENCRYPT_DECRYPT'),
    material: base64(1, 8192).optional(),
    replicaRegions: z.array(regionName).default([]),
    description: description.default(''),
    aliases: z.array(aliasName).default([]),
    tags: namedValues(z.string(), z.string()).default({}),
    policy: namedValues(z.string(), z.unknown()).optional(),
  })
  .refine(({ spec, usage }) => keySpecRow(spec).algorithms[usage] !== undefined, {
    path: ['usage'],
    message: 'must be a usage of the spec',
  })
  .refine(({ spec, material }) => !material || foreignMaterial(spec, material) !== undefined, {
    path: ['material'],
    message: 'must be key material of the spec',
  })
  .refine(({ id, replicaRegions }) => !id || id.startsWith('mrk-') || replicaRegions.length === 0, {
    path: ['id'],
    message: 'must begin with mrk- for a multi-Region key',
  });

const seedSchema = z.strictObject({ keys: z.array(keySchema) });
