import { z } from 'zod';
import type { KeyUsage } from '../devices/key-device.ts';
import type { DeviceKeySelector } from '../devices/key-selector.ts';
import { INSTANT } from './instant.ts';
import { EXTERNAL_KEY_ID, NAME, unique } from './names.ts';

/** One external key, and the keys on tokens that it stands for. */
export interface StoreKeyConfig {
  readonly externalKeyId: string;
  /** Names of the tokens that hold the key, the preferred one first; undefined for all tokens. */
  readonly tokens: readonly string[] | undefined;
  /** In ascending order: the last one whose time has come encrypts, and each decrypts its own ciphertext. */
  readonly versions: readonly KeyVersionConfig[];
  readonly usages: readonly KeyUsage[];
  /** `DISABLED` is reported to KMS; `BLOCKED` refuses every request, as an operator's emergency stop. */
  readonly status: 'ENABLED' | 'DISABLED' | 'BLOCKED';
  /** Whether ciphertext of the Rust sample proxy opens too, which authenticates a hash in place of the AAD. */
  readonly acceptReferenceCiphertext: boolean;
}

/** One generation of an external key's material. */
export interface KeyVersionConfig {
  /** 1 to 65535. */
  readonly version: number;
  readonly selector: DeviceKeySelector;
  /** When it begins to encrypt in place of the version before it: by then every process knows it. Undefined for at once. */
  readonly encryptsFrom?: Date | undefined;
}

/** A table of external keys: `[[stores.keys]]` of the configuration, or `[[keys]]` of a store's `keys_file`. */
export function keysSchema() {
  return z
    .array(key)
    .default([])
    .superRefine(unique('external_key_id', (row) => row.externalKeyId));
}

const selector = {
  label: z.string().min(1).optional(),
  id: z
    .string()
    .regex(/^(?:[0-9a-f]{2}){1,128}$/, 'must be the bytes of CKA_ID in lower-case hex')
    .optional(),
};

const version = z
  .strictObject({ version: z.int().min(1).max(65_535), ...selector, encrypts_from: INSTANT.optional() })
  .transform((row, context) => ({
    version: row.version,
    selector: deviceKey(row, context),
    encryptsFrom: row.encrypts_from && new Date(row.encrypts_from),
  }));

const key = z
  .strictObject({
    external_key_id: EXTERNAL_KEY_ID,
    ...selector,
    versions: z
      .array(version)
      .min(1)
      .superRefine(unique('version', (row) => String(row.version)))
      .optional(),
    tokens: z.array(NAME).min(1).optional(),
    usages: z
      .array(z.enum(['ENCRYPT', 'DECRYPT']))
      .min(1)
      .default(['ENCRYPT', 'DECRYPT']),
    status: z.enum(['ENABLED', 'DISABLED', 'BLOCKED']).default('ENABLED'),
    accept_reference_ciphertext: z.boolean().default(false),
  })
  .refine((row) => !/^\.{1,2}$/.test(row.external_key_id), {
    path: ['external_key_id'],
    message: 'must not be a dot segment',
  })
  .transform(({ external_key_id: externalKeyId, tokens, usages, status, ...row }, context) => {
    if (row.versions !== undefined && (row.label ?? row.id) !== undefined) {
      context.addIssue('give either versions, or the label or id of the only one');
    }
    const only = (): KeyVersionConfig => ({ version: 1, selector: deviceKey(row, context) });
    const versions: readonly KeyVersionConfig[] = row.versions ?? [only()];
    return {
      externalKeyId,
      tokens,
      usages,
      status,
      acceptReferenceCiphertext: row.accept_reference_ciphertext,
      versions: versions.toSorted((a, b) => a.version - b.version),
    };
  });

function deviceKey(
  { label, id }: { readonly label?: string | undefined; readonly id?: string | undefined },
  context: z.RefinementCtx,
): DeviceKeySelector {
  if ((label === undefined) === (id === undefined)) context.addIssue('give either label or id');
  // In memory of its own: a part of Node's pool would be sent to a thread with the whole pool, and all other data in it.
  return id === undefined ? { label: label ?? '' } : { id: new Uint8Array(Buffer.from(id, 'hex')) };
}
