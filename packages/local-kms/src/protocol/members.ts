import { z } from 'zod';
import { isRegion } from '../arn.ts';
import type { EncryptionContext } from '../cryptography/encryption-context.ts';
import { KmsException } from '../kms-exception.ts';
import { base64 } from './base64.ts';

// The members that requests share, each with the constraints of the API model.

/** A key id, key ARN, alias name or alias ARN; each operation decides which of them it takes. */
export const keyId = z.string().min(1).max(2048);
/** An alias with its prefix `alias/`. */
export const aliasName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[a-zA-Z0-9:/_-]+$/);
/** `cks-…`, as CreateCustomKeyStore gave it. */
export const customKeyStoreId = z.string().min(1).max(64);
/** A name of the user's own. */
export const customKeyStoreName = z.string().min(1).max(256);
/** A text of the user's own about a key. */
export const description = z.string().max(8192);
/** Such as `eu-north-1`. */
export const regionName = z.string().refine(isRegion, 'must be the name of a Region');
/** What one call encrypts: at most 4096 bytes. */
export const plaintext = base64(1, 4096);
/** What Encrypt returned. */
export const ciphertextBlob = base64(1, 6144);
/** Symmetric unless the request says otherwise. */
export const encryptionAlgorithm = z
  .enum(['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'])
  .default('SYMMETRIC_DEFAULT');
/** The algorithm of Encapsulate and Decapsulate. */
export const encapsulationAlgorithm = z.enum(['ML_KEM']);
/** The id of imported key material. */
export const importedMaterial = z.string().regex(/^[a-f0-9]{64}$/);
/** How many bytes of a data key or at random. */
export const numberOfBytes = z.int().min(1).max(1024);
/** Whether to stop right before the work itself. */
export const dryRun = z.boolean().default(false);

/** The last check of all: throws DryRunOperationException if the request only asks whether it would succeed. */
export function assertNotDryRun(dryRun: boolean): void {
  if (dryRun) throw new KmsException('DryRunOperationException', 'The request would have succeeded.');
}

/** The tokens of grants that may be too new to be known without them. The gate looks up the grants. */
export const grantTokens = z.array(z.string().min(1).max(8192)).max(10).optional();

/** Where a list goes on. */
export const marker = z.string().min(1).max(1024).optional();
/** How many entries of a list to send. */
export const limit = ({ default: entries, max }: { default: number; max: number }) =>
  z.int().min(1).max(max).default(entries);

/** Name-value pairs. Read by hand, because `__proto__` is a name like any other here. */
export const encryptionContext = z
  .unknown()
  .optional()
  .transform((value, context): EncryptionContext => {
    if (value === undefined) return new Map();
    const pairs = typeof value === 'object' && value !== null ? Object.entries(value) : undefined;
    const strings = new Map<string, string>();
    for (const [name, text] of pairs ?? []) {
      if (typeof text === 'string') strings.set(name, text);
    }
    if (Array.isArray(value) || strings.size !== pairs?.length) {
      context.addIssue({ code: 'invalid_type', expected: 'record', message: 'must map strings to strings' });
      return z.NEVER;
    }
    return strings;
  });
