import { parse } from 'yaml';
import { z } from 'zod';
import { partitionOf } from './arn.ts';
import { assertAliasName, MAX_ALIASES_PER_KEY } from './keys/aliases.ts';
import { assertPolicy } from './keys/key-policy.ts';
import { foreignMaterial, isKeySpec, KEY_USAGES, type KeySpec, keySpecRow } from './keys/key-specs.ts';
import { withTags } from './keys/tags.ts';
import { KmsException } from './kms-exception.ts';
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
  /** The Region of the key; for a multi-Region key the primary one. Default the default Region of the KMS. */
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

/** A seed that was checked: `plant` can make all of it. */
export interface ParsedSeed {
  readonly keys: readonly PlacedKey[];
}

type ParsedKey = z.output<typeof keySchema>;

/** A key of a seed, and the Region that it is in. */
export interface PlacedKey extends ParsedKey {
  readonly region: string;
}

/**
 * Reads a seed file, in YAML or JSON. Throws RangeError for text that is neither, and as `parseSeed` does for each key alone:
 * whether the keys go together depends on the Region.
 */
export function readSeed(text: string): Seed {
  const seed = parsedText(text);
  assertSeed(seed);
  return seed;
}

/**
 * Checks a seed as a whole, for a KMS of this default Region. Throws RangeError that names the member in question, never
 * its value.
 */
export function parseSeed(seed: unknown, defaultRegion: string): ParsedSeed {
  const keys = parsedKeys(seed).map((key) => ({ ...key, region: key.region ?? defaultRegion }));
  assertTogether(keys);
  return { keys };
}

function assertSeed(seed: unknown): asserts seed is Seed {
  parsedKeys(seed);
}

function parsedKeys(seed: unknown): readonly ParsedKey[] {
  const parsed = seedSchema.safeParse(seed);
  if (parsed.success) return parsed.data.keys;
  const [issue] = parsed.error.issues;
  throw new RangeError(`${['seed', ...(issue?.path ?? [])].map(String).join('.')}: ${issue?.message}`);
}

/** Ids are there once, aliases once in each Region, and the Regions of a key once and of one partition. */
function assertTogether(keys: readonly PlacedKey[]): void {
  const taken = new Set<string>();
  for (const [index, key] of keys.entries()) {
    const path = `seed.keys.${index}`;
    if (key.replicaRegions.some((name) => partitionOf(name) !== partitionOf(key.region))) {
      throw new RangeError(`${path}.replicaRegions: must be of the partition of the key`);
    }
    for (const [member, name] of claims(key, index)) {
      if (taken.has(name)) throw new RangeError(`${path}.${member}: must have nothing that is there already`);
      taken.add(name);
    }
  }
}

/** What no two keys may share, with the member of the seed that it stands in. */
function* claims({ id, region, replicaRegions, aliases }: PlacedKey, index: number) {
  if (id !== undefined) yield ['id', id] as const;
  for (const place of [region, ...replicaRegions]) {
    yield ['replicaRegions', `${index} ${place}`] as const;
    for (const name of aliases) yield ['aliases', `${place} ${name}`] as const;
  }
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

/** Converts a member as an operation does: an exception of the operation becomes an issue of the seed. */
function made<Value, Made>(make: (value: Value) => Made) {
  return (value: Value, context: z.RefinementCtx): Made => {
    try {
      return make(value);
    } catch (error) {
      if (!(error instanceof KmsException)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  };
}

const aliasOfKey = aliasName.transform(
  made((name) => {
    assertAliasName(name);
    return name;
  }),
);
// As in a request: any other text would become another one where it is stored.
const text = z.string().refine((value) => value.isWellFormed(), 'must be well-formed Unicode');
const tagsOfKey = namedValues(text, text).transform(
  made((pairs) =>
    withTags(
      new Map(),
      Object.entries(pairs).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
    ),
  ),
);
const policyOfKey = namedValues(z.string(), z.unknown()).transform(
  made((policy) => {
    const json = JSON.stringify(policy);
    assertPolicy(json);
    return json;
  }),
);

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
    description: text.pipe(description).default(''),
    aliases: z.array(aliasOfKey).max(MAX_ALIASES_PER_KEY).default([]),
    tags: tagsOfKey.default(new Map()),
    policy: policyOfKey.optional(),
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
