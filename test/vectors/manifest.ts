import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { TestContext } from 'vitest';
import * as z from 'zod';

/** Where the test data lies. A user's clone has none. */
export const vectorsDirectory = resolve(process.env['HOLDFAST_VECTORS'] ?? '../shared/vectors');

/** Skips a test where there are no vectors, and says what to do about it. */
export function needVectors(context: TestContext): void {
  const note = `no test vectors in ${vectorsDirectory}: name their folder in HOLDFAST_VECTORS`;
  context.skip(!existsSync(vectorsDirectory), note);
}

/** A keyring as a manifest describes it; its keys are names in the manifest, or the data key itself. */
export type KeyringDescription = z.infer<typeof keyring>;
export type Vector = z.infer<typeof vector>;
export type Mutation = z.infer<typeof mutation>;
export type Manifest = z.infer<typeof manifest>;

/** A file that is no manifest, or one of another format. */
export class ManifestError extends Error {
  constructor(file: string, options: ErrorOptions) {
    super(`${file} cannot be read as a manifest of the format esdk-vectors/1`, options);
    this.name = 'ManifestError';
  }
}

/**
 * Reads a manifest of the format `esdk-vectors/1`. Fields it does not know are left out.
 *
 * @throws ManifestError
 */
export function readManifest(file: string): Manifest {
  try {
    return manifest.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new ManifestError(file, { cause });
  }
}

const known = {
  'raw-aes': z.object({
    type: z.literal('raw-aes'),
    namespace: z.string(),
    name: z.string(),
    key: z.string(),
  }),
  'raw-rsa': z.object({
    type: z.literal('raw-rsa'),
    namespace: z.string(),
    name: z.string(),
    privateKey: z.string(),
    padding: z.enum(['pkcs1', 'oaep-sha1-mgf1', 'oaep-sha256-mgf1', 'oaep-sha384-mgf1', 'oaep-sha512-mgf1']),
  }),
  'raw-ecdh': z.object({
    type: z.literal('raw-ecdh'),
    scheme: z.enum(['discovery', 'static']),
    privateKey: z.string(),
    recipientPublicKey: z.string(),
  }),
  hierarchy: z.object({ type: z.literal('hierarchy'), branchKey: z.string() }),
  static: z.object({ type: z.literal('static'), dataKey: z.base64() }),
} as const;

const leafKeyring = z.union([
  ...Object.values(known),
  z
    .object({ type: z.string().refine((type) => type !== 'multi' && !Object.hasOwn(known, type)) })
    .transform(({ type }) => ({ type: 'unknown', name: type }) as const),
]);

const keyring = z.union([
  z.object({
    type: z.literal('multi'),
    generator: leafKeyring.optional(),
    children: z.array(leafKeyring),
  }),
  leafKeyring,
]);

const key = z.object({
  kind: z.string(),
  /** PEM of a private key, else base64. */
  material: z.string().optional(),
  branchKeyId: z.string().optional(),
  branchKeyVersion: z.string().optional(),
});

// Not z.record, which drops the key `__proto__`.
const context = z.custom<Readonly<Record<string, string>>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((text) => typeof text === 'string'),
);

const vector = z.object({
  id: z.string(),
  ciphertext: z.string(),
  plaintext: z.string().optional(),
  expect: z.enum(['success', 'reject', 'either']),
  keyring,
  commitmentPolicy: z.enum([
    'FORBID_ENCRYPT_ALLOW_DECRYPT',
    'REQUIRE_ENCRYPT_ALLOW_DECRYPT',
    'REQUIRE_ENCRYPT_REQUIRE_DECRYPT',
  ]),
  encryptionContext: context.optional(),
  reproducedEncryptionContext: context.default({}),
  requiredEncryptionContextKeys: z.array(z.string()).optional(),
  maxEncryptedDataKeys: z.number().optional(),
  suite: z.string().optional(),
  messageVersion: z.number().optional(),
  contentType: z.enum(['framed', 'nonframed']).optional(),
  frameLength: z.number().optional(),
  encryptedDataKeys: z.number().optional(),
  expectedCommitKey: z.base64().optional(),
  messageId: z.base64().optional(),
});

const mutation = z.enum(['flip-each-bit', 'truncate-each-length', 'append-byte', 'duplicate']);

const manifest = z.object({
  format: z.literal('esdk-vectors/1'),
  name: z.string(),
  keys: z.record(z.string(), key),
  tests: z.array(vector),
  mutations: z.array(z.object({ op: mutation })).default([]),
});
