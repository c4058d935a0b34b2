import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, realpath, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { parse as parseToml, stringify, TomlDate } from 'smol-toml';
import { z } from 'zod';
import { INSTANT } from '../config/instant.ts';
import { loadConfig } from '../config/load.ts';
import { type StorePlace, storeOf } from '../config/store-place.ts';
import { withFileLock } from '../files/file-lock.ts';
import { createFile, replaceFile } from '../files/replace-file.ts';
import { XksProxyError } from '../proxy-error.ts';

/** A new credential; its secret is in the file, which only the reader of the `credentials_file` can read. */
export interface NewCredential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly secretFile: string;
}

/** Makes an access key id and a secret access key for AWS KMS, of 100 and 256 random bits (XKS API v1, Appendix A). */
export function newCredential(): { accessKeyId: string; secretAccessKey: string } {
  return {
    accessKeyId: [...randomBytes(20)].map((byte) => BASE32[byte % BASE32.length]).join(''),
    secretAccessKey: randomBytes(32).toString('base64'),
  };
}

/**
 * Adds a credential to the `credentials_file` of a store; the earlier ones stay. A running proxy reads the file by itself.
 * Rejects with XksProxyError `CHANGE_REFUSED`, `CONFIG_INVALID` or `FILE_LOCKED`; then nothing has changed.
 */
export async function addCredential(place: StorePlace, now = new Date()): Promise<NewCredential> {
  const credential = newCredential();
  const secretFile = await withCredentialsFile(place, async (file) => {
    const secretFile = join(dirname(file), `${credential.accessKeyId}.secret`);
    const named = relative(dirname(resolve(place.configFile)), secretFile);
    const row = credentialRow(credential.accessKeyId, named, now);
    await createFile(secretFile, `${credential.secretAccessKey}\n`, file);
    try {
      await rewrite(place, file, [...(await rows(file)), row]);
    } catch (error) {
      await rm(secretFile, { force: true });
      throw error;
    }
    return secretFile;
  });
  return { ...credential, secretFile };
}

/**
 * Removes a credential from the `credentials_file`, and deletes its secret, unless the configuration still names that file:
 * requests that it signed are refused as soon as the proxy has read the file again. Rejects with XksProxyError as
 * `addCredential`, also for the last one of a store.
 */
export async function revokeCredential(place: StorePlace, accessKeyId: string): Promise<void> {
  await withCredentialsFile(place, async (file) => {
    const before = await rows(file);
    const revoked = before.find((row) => row.access_key_id === accessKeyId);
    if (revoked === undefined) throw unknownCredential(place, accessKeyId);
    const rest = before.filter((row) => row !== revoked);
    const secretFile = resolve(dirname(resolve(place.configFile)), revoked.secret_access_key_file);
    const target = await realpath(secretFile);
    const named = await rewrite(place, file, rest);
    const stillNamed = await Promise.all(named.map((path) => realpath(path).catch(() => path)));
    if (!stillNamed.includes(target)) await rm(secretFile, { force: true });
  });
}

/** The text of a `credentials_file`. */
export function credentialsDocument(credentials: readonly z.infer<typeof row>[]): string {
  return `${HEADER}${stringify({ credentials })}`;
}

/** The rows of such a text. Throws for any other text. */
export function parseCredentialsDocument(text: string): readonly z.infer<typeof row>[] {
  return document.parse(parseToml(text)).credentials;
}

/** A row of such a file; the path of the secret is relative to the configuration. */
export function credentialRow(
  accessKeyId: string,
  secretFile: string,
  now = new Date(),
): z.infer<typeof row> {
  const created = new TomlDate(now.toISOString().replace(/\.\d+Z$/, 'Z'));
  return { access_key_id: accessKeyId, secret_access_key_file: secretFile, created };
}

/**
 * Does work on the `credentials_file` of a store, under its lock. Before that no secret is read: another command may be
 * deleting one whose credential it has just taken out.
 */
async function withCredentialsFile<T>(place: StorePlace, work: (file: string) => Promise<T>): Promise<T> {
  const file = fileNamed(place) ?? credentialsFileOf(place);
  return withFileLock(file, async () => {
    if (credentialsFileOf(place) === file) return work(file);
    throw new XksProxyError('CHANGE_REFUSED', 'the configuration was changed meanwhile: try again');
  });
}

/** The `credentials_file` by the configuration file alone; undefined if anything about it needs an error. */
function fileNamed({ configFile, store }: StorePlace): string | undefined {
  try {
    const path = resolve(configFile);
    const { stores } = namedFiles.parse(parseToml(readFileSync(path, 'utf8')));
    const [found, ...others] = stores.filter(({ name }) => store === undefined || name === store);
    if (found?.credentials_file === undefined || others.length > 0) return undefined;
    const file = resolve(dirname(path), found.credentials_file);
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

function credentialsFileOf(place: StorePlace): string {
  const { store } = storeOf(place);
  if (store.credentialsFile !== undefined) return store.credentialsFile;
  const remedy = `give it an empty file, and name that in the configuration: credentials_file = "${store.name}.credentials.toml"`;
  throw new XksProxyError('CHANGE_REFUSED', `the store ${store.name} has no credentials_file: ${remedy}`);
}

async function rows(file: string): Promise<readonly z.infer<typeof row>[]> {
  return parseCredentialsDocument(await readFile(file, 'utf8'));
}

/** Replaces the rows, and resolves to all files that the configuration names then. */
async function rewrite(
  { configFile }: StorePlace,
  file: string,
  next: readonly z.infer<typeof row>[],
): Promise<readonly string[]> {
  const text = credentialsDocument(next);
  const named: string[] = [];
  loadConfig(configFile, new Map([[file, text]]), (path) => void named.push(path));
  await replaceFile(file, text);
  return named;
}

function unknownCredential(place: StorePlace, accessKeyId: string): XksProxyError {
  const { store } = storeOf(place);
  const isElsewhere = store.credentials.some((credential) => credential.accessKeyId === accessKeyId);
  return new XksProxyError(
    'CHANGE_REFUSED',
    isElsewhere
      ? `${accessKeyId} stands in the configuration itself: take it out there`
      : `the store ${store.name} has no credential ${accessKeyId}: see credentials list`,
  );
}

const row = z.strictObject({
  access_key_id: z.string(),
  secret_access_key_file: z.string(),
  created: INSTANT.optional(),
});
const document = z.strictObject({ credentials: z.array(row).default([]) });
const namedFiles = z.object({
  stores: z.array(z.object({ name: z.string(), credentials_file: z.string().optional() })),
});
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const HEADER =
  '# Kept by `xks-proxy credentials`; it writes the whole file, and comments do not survive.\n\n';
