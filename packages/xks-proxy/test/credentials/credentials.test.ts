import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { awsCommands, consoleConfig } from '../../src/credentials/console-config.ts';
import { addCredential, newCredential, revokeCredential } from '../../src/credentials/edit-credentials.ts';
import { withFileLock } from '../../src/files/file-lock.ts';
import { codeOf, writeConfigWithFiles } from '../fixtures/store-files.ts';

let files: Awaited<ReturnType<typeof writeConfigWithFiles>>;
beforeAll(async () => {
  files = await writeConfigWithFiles();
});
afterAll(() => files.dispose());
beforeEach(() => {
  rmSync(files.credentialsFile, { force: true });
  writeFileSync(files.credentialsFile, '');
});
const SERVICE = 65_533;

const store = () => loadConfig(files.configFile).stores[0] ?? expect.unreachable();
const idsNow = () => store().credentials.map(({ accessKeyId }) => accessKeyId);

describe('credentials add', () => {
  it('adds one whose secret is in a file for its owner alone, and when it was made', async () => {
    const before = idsNow();
    const made = await addCredential(files.place, new Date('2026-11-21T10:20:30.456Z'));
    expect(idsNow()).toEqual([...before, made.accessKeyId]);
    expect(store().credentials.at(-1)?.createdAt).toEqual(new Date('2026-11-21T10:20:30Z'));
    expect(readFileSync(made.secretFile, 'utf8')).toBe(`${made.secretAccessKey}\n`);
    expect(statSync(made.secretFile).mode & 0o777).toBe(0o600);
    expect(readFileSync(files.credentialsFile, 'utf8')).not.toContain(made.secretAccessKey);
  });

  it.runIf(process.getuid?.() === 0).each([
    ['for the owner of the credentials file', { uid: SERVICE, gid: SERVICE, mode: 0o600 }, 0o600],
    ['from others, who may read the credentials file', { uid: SERVICE, gid: SERVICE, mode: 0o644 }, 0o600],
    ['for the group that reads a credentials file of root', { uid: 0, gid: SERVICE, mode: 0o640 }, 0o640],
    ['for root alone, where there is no such group', { uid: 0, gid: 0, mode: 0o644 }, 0o600],
  ])('keeps the secret %s (needs root)', async (_title, owned, mode) => {
    chownSync(files.credentialsFile, owned.uid, owned.gid);
    chmodSync(files.credentialsFile, owned.mode);
    const { secretFile } = await addCredential(files.place);
    for (const [file, expected] of [
      [secretFile, mode],
      [files.credentialsFile, owned.mode],
    ] as const) {
      const found = statSync(file);
      expect([found.uid, found.gid, found.mode & 0o777]).toEqual([owned.uid, owned.gid, expected]);
    }
  });

  it('makes ids and secrets of the form that AWS KMS asks for', () => {
    const made = Array.from({ length: 50 }, newCredential);
    for (const { accessKeyId, secretAccessKey } of made) {
      expect(accessKeyId).toMatch(/^[A-Z2-7]{20}$/);
      expect(secretAccessKey).toMatch(/^[A-Za-z0-9+/=]{43,64}$/);
      expect(Buffer.from(secretAccessKey, 'base64')).toHaveLength(32);
    }
    expect(new Set(made.map(({ accessKeyId }) => accessKeyId)).size).toBe(50);
  });

  it('refuses a store without a credentials file', async () => {
    expect(await codeOf(addCredential({ ...files.place, store: 'other' }))).toBe('CHANGE_REFUSED');
  });
});

describe('credentials revoke', () => {
  it('takes one out, and deletes its secret', async () => {
    const [stays, goes] = [await addCredential(files.place), await addCredential(files.place)];
    await revokeCredential(files.place, goes.accessKeyId);
    expect(idsNow()).toContain(stays.accessKeyId);
    expect(idsNow()).not.toContain(goes.accessKeyId);
    expect([existsSync(stays.secretFile), existsSync(goes.secretFile)]).toEqual([true, false]);
  });

  it.each([
    ['itself', (secretFile: string) => secretFile],
    [
      'through a link',
      (secretFile: string) => {
        symlinkSync(secretFile, `${secretFile}.link`);
        return `${secretFile}.link`;
      },
    ],
  ])('keeps a secret that another credential names %s', async (_title, named) => {
    const [stays, goes] = [await addCredential(files.place), await addCredential(files.place)];
    const name = (file: string) => `secret_access_key_file = "${basename(file)}"`;
    const shared = readFileSync(files.credentialsFile, 'utf8').replace(
      name(stays.secretFile),
      name(named(goes.secretFile)),
    );
    writeFileSync(files.credentialsFile, shared);
    await revokeCredential(files.place, goes.accessKeyId);
    expect(idsNow()).toContain(stays.accessKeyId);
    expect(idsNow()).not.toContain(goes.accessKeyId);
    await revokeCredential(files.place, stays.accessKeyId);
    expect(idsNow()).not.toContain(stays.accessKeyId);
  });

  it('deletes a secret once the last credential with it is gone', async () => {
    const [first, second] = [await addCredential(files.place), await addCredential(files.place)];
    const rows = readFileSync(files.credentialsFile, 'utf8');
    writeFileSync(
      files.credentialsFile,
      rows.replace(`${second.accessKeyId}.secret`, `${first.accessKeyId}.secret`),
    );
    await revokeCredential(files.place, first.accessKeyId);
    expect(existsSync(first.secretFile)).toBe(true);
    await revokeCredential(files.place, second.accessKeyId);
    expect(existsSync(first.secretFile)).toBe(false);
  });

  it('reads secrets only in its turn: another revocation may delete one that is still in the file', async () => {
    const [stays, goes] = [await addCredential(files.place), await addCredential(files.place)];
    const left = readFileSync(files.credentialsFile, 'utf8').split(/(?=\[\[credentials\]\])/);
    let started: Promise<void> | undefined;
    // As the other command works: the file is replaced, and then the secret deleted, while the lock is held.
    await withFileLock(files.credentialsFile, async () => {
      rmSync(goes.secretFile);
      started = revokeCredential(files.place, stays.accessKeyId);
      started.catch(() => undefined);
      await new Promise((resolve) => void setImmediate(resolve));
      writeFileSync(files.credentialsFile, left.filter((row) => !row.includes(goes.accessKeyId)).join(''));
    });
    await started;
    expect(idsNow()).not.toContain(stays.accessKeyId);
  });

  it('refuses one of the configuration itself, and one that there is not', async () => {
    for (const id of [files.credentials.acme.accessKeyId, 'A'.repeat(20)])
      expect(await codeOf(revokeCredential(files.place, id))).toBe('CHANGE_REFUSED');
  });

  it('refuses the last one of a store', async () => {
    const { accessKeyId, secretFile } = await addCredential(files.place);
    const table =
      /\[\[stores\.credentials\]\]\naccess_key_id = "ACME\w+"\nsecret_access_key_file = "\w+\.secret"\n/g;
    writeFileSync(files.configFile, files.toml.replace(table, ''));
    expect(await codeOf(revokeCredential(files.place, accessKeyId))).toBe('CONFIG_INVALID');
    expect([idsNow(), existsSync(secretFile)]).toEqual([[accessKeyId], true]);
    writeFileSync(files.configFile, files.toml);
  });
});

describe('console-config', () => {
  it('is what the AWS console imports', () => {
    const [credential = expect.unreachable()] = store().credentials;
    expect(consoleConfig(store(), credential)).toEqual({
      XksProxyUriPath: '/acme/kms/xks/v1',
      XksProxyAuthenticationCredential: {
        AccessKeyId: files.credentials.acme.accessKeyId,
        RawSecretAccessKey: files.credentials.acme.secretAccessKey,
      },
    });
  });

  it('has no secret in the lines for the AWS CLI', () => {
    const lines = awsCommands(store(), 'https://xks.example.com', 'file:///tmp/credential').join('\n');
    expect(lines).toContain('--xks-proxy-uri-endpoint https://xks.example.com');
    expect(lines).not.toContain(files.credentials.acme.secretAccessKey);
  });
});
