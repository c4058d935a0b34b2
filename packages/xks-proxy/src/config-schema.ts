import { createPrivateKey, createSecretKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { MAX_TARGET_CHARACTERS } from './request-path.ts';

/** The schema of the configuration file; paths in it are relative to `baseDirectory`, and are read. */
export function configSchema(baseDirectory: string) {
  // A file's name is not repeated in a message: some day it is the secret itself that stands in its place.
  const file = (what: string) =>
    z.string().transform((path, context): string => {
      try {
        return readFileSync(resolve(baseDirectory, path), 'utf8');
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
        context.addIssue(`cannot read the ${what} (${code})`);
        return z.NEVER;
      }
    });
  /** A one-line secret; the message of a mismatch never shows it. */
  const secret = (what: string, pattern: RegExp, rule: string) =>
    file(what).transform((text, context) => {
      const value = text.replace(/\r?\n$/, '');
      if (pattern.test(value)) return createSecretKey(value, 'utf8');
      context.addIssue(`the ${what} must be ${rule}`);
      return z.NEVER;
    });

  const tls = z
    .strictObject({ certificate_file: file('certificate'), key_file: file('private key') })
    .transform(({ certificate_file: certificate, key_file }, context) => {
      const key = attempt(() => createPrivateKey(key_file));
      const leaf = attempt(() => new X509Certificate(certificate));
      if (key === undefined)
        context.addIssue({ code: 'custom', path: ['key_file'], message: 'not a PEM private key' });
      if (leaf === undefined) {
        context.addIssue({ code: 'custom', path: ['certificate_file'], message: 'not a PEM certificate' });
      }
      if (key === undefined || leaf === undefined) return z.NEVER;
      if (!leaf.checkPrivateKey(key)) {
        context.addIssue('the private key does not belong to the certificate');
        return z.NEVER;
      }
      const problem = certificateProblem(leaf, certificate, key);
      if (problem !== undefined) {
        context.addIssue({ code: 'custom', path: ['certificate_file'], message: problem });
      }
      return { certificate, key };
    });

  const server = z.strictObject({
    host: z.string().min(1).default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(8443),
    tls,
  });

  const token = z
    .strictObject({
      module: z
        .string()
        .min(1)
        .transform((path) => resolve(baseDirectory, path)),
      label: z.string().min(1).max(32).optional(),
      serial: z.string().min(1).max(16).optional(),
      pin_file: secret('PIN', /^[^\r\n]{1,255}$/, 'one line of text'),
      max_sessions: z.int().min(1).max(1024).default(16),
      calls: z.enum(['inline', 'threadpool']).default('inline'),
      timeout_ms: z.int().min(1).max(240).default(200),
    })
    .transform(
      (
        { module, label, serial, pin_file: pin, calls, max_sessions: maxSessions, timeout_ms: timeoutMs },
        context,
      ) => {
        if ((label === undefined) === (serial === undefined)) context.addIssue('give either label or serial');
        const selector = serial === undefined ? { label: label ?? '' } : { serial };
        return { module, selector, pin, calls, maxSessions, timeoutMs };
      },
    );

  const credential = z
    .strictObject({
      access_key_id: z.string().regex(/^[A-Z2-7]{20,30}$/, 'must be 20 to 30 characters of A-Z and 2-7'),
      secret_access_key_file: secret(
        'secret access key',
        /^[A-Za-z0-9+/=]{43,64}$/,
        '43 to 64 characters of A-Z, a-z, 0-9, +, / and =',
      ),
    })
    .transform((row) => ({ accessKeyId: row.access_key_id, secretAccessKey: row.secret_access_key_file }));

  const store = z
    .strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 characters of A-Z, a-z, 0-9, ., _ and -'),
      // With /kms/xks/v1 it is the path that KMS is given, of 128 characters at most.
      path_prefix: z
        .string()
        .max(117)
        .regex(
          /^(?:\/[A-Za-z0-9_-]+)*$/,
          'must be empty, or segments of A-Z, a-z, 0-9, _ and - that each start with /',
        ),
      regions: z.array(z.string().regex(/^[a-z]{2,}(?:-[a-z]+)+-\d+$/, 'must be an AWS region')).min(1),
      credentials: z.array(credential).min(1),
      keys: z
        .array(key)
        .default([])
        .superRefine(unique('external_key_id', (row) => row.externalKeyId)),
    })
    .superRefine(longestPaths)
    .transform(({ path_prefix: pathPrefix, ...row }) => ({ ...row, pathPrefix }));

  return z
    .strictObject({
      server,
      token,
      health: health.prefault({}),
      stores: z
        .array(store)
        .min(1)
        .superRefine(unique('name', (row) => row.name))
        .superRefine(unique('path_prefix', (row) => row.pathPrefix)),
    })
    .superRefine(uniqueAccessKeyIds);
}

const health = z
  .strictObject({
    fleet_size: z.int().min(1).default(1),
    proxy_vendor: z.string().min(1).optional(),
    proxy_model: z.string().min(1).optional(),
    ekm_vendor: z.string().min(1).optional(),
    ekm_model: z.string().min(1).optional(),
    key_label: z.string().min(1).optional(),
  })
  .transform((row) => ({
    fleetSize: row.fleet_size,
    proxyVendor: row.proxy_vendor,
    proxyModel: row.proxy_model,
    ekmVendor: row.ekm_vendor,
    ekmModel: row.ekm_model,
    keyLabel: row.key_label,
  }));

const key = z
  .strictObject({
    external_key_id: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 characters of A-Z, a-z, 0-9, ., _ and -'),
    label: z.string().min(1),
    usages: z
      .array(z.enum(['ENCRYPT', 'DECRYPT']))
      .min(1)
      .default(['ENCRYPT', 'DECRYPT']),
    status: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
  })
  .refine((row) => !/^\.{1,2}$/.test(row.external_key_id), {
    path: ['external_key_id'],
    message: 'must not be a dot segment',
  })
  .transform(({ external_key_id: externalKeyId, ...row }) => ({ ...row, externalKeyId }));

/** A check that no two rows have the same value of a field. */
function unique<Row>(field: string, valueOf: (row: Row) => string) {
  return (rows: readonly Row[], context: z.RefinementCtx): void => {
    const values = rows.map(valueOf);
    for (const [index, value] of values.entries()) {
      // A row that is wrong by itself may have no value.
      if (typeof value !== 'string' || values.indexOf(value) === index) continue;
      context.addIssue({
        code: 'custom',
        path: [index, field],
        message: `${JSON.stringify(value)} is already taken`,
      });
    }
  };
}

/** KMS sends no URI over 256 characters, and the proxy takes none (XKS API v1, "API operations"). */
function longestPaths(
  { path_prefix, keys }: { path_prefix: string; keys: readonly { externalKeyId: string }[] },
  context: z.RefinementCtx,
): void {
  for (const [index, { externalKeyId }] of keys.entries()) {
    const path = `${path_prefix}/kms/xks/v1/keys/${externalKeyId}/metadata`;
    if (path.length <= MAX_TARGET_CHARACTERS) continue;
    const message = `with the path prefix it makes a URI of more than ${MAX_TARGET_CHARACTERS} characters`;
    context.addIssue({ code: 'custom', path: ['keys', index, 'external_key_id'], message });
  }
}

/** An access key id selects one secret on the whole proxy (XKS API v1, Appendix A). */
function uniqueAccessKeyIds(
  { stores }: { stores: readonly { credentials: readonly { accessKeyId: string }[] }[] },
  context: z.RefinementCtx,
): void {
  const seen = new Set<string>();
  for (const [storeIndex, { credentials }] of stores.entries()) {
    for (const [index, { accessKeyId }] of credentials.entries()) {
      if (seen.has(accessKeyId)) {
        const path = ['stores', storeIndex, 'credentials', index, 'access_key_id'];
        context.addIssue({ code: 'custom', path, message: 'is already taken' });
      }
      seen.add(accessKeyId);
    }
  }
}

/** Why no TLS server can do with a chain; the server itself would say so only when it starts, or its clients later. */
function certificateProblem(leaf: X509Certificate, cert: string, key: KeyObject): string | undefined {
  if (Date.parse(leaf.validTo) < Date.now()) return `the certificate has expired on ${leaf.validTo}`;
  try {
    createSecureContext({ cert, key: key.export({ type: 'pkcs8', format: 'pem' }) });
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return `cannot be used for TLS (${code})`;
  }
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
