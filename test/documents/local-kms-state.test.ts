import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLocalKms, directoryStore, tokenProtection } from '@holdfast/local-kms';
import { temporaryToken } from '@holdfast/pkcs11/testing';
import { expect, onTestFinished, test } from 'vitest';

const PAGE = readFileSync('packages/local-kms/docs/state.md', 'utf8');

test('the pages of the local KMS make the key in a token that a state is kept under, once', async () => {
  const [, keyLabel = ''] = /--token-key (\S+)/.exec(PAGE) ?? [];
  const [, tokenLabel = ''] = /--token-label (\S+)/.exec(PAGE) ?? [];
  const [, command = ''] = /^\$ (node --input-type=module (?:.*\\\n)*.*)$/m.exec(PAGE) ?? [];
  const token = temporaryToken({ label: tokenLabel });
  const { modulePath, pin, environment } = token;
  onTestFinished(() => token.dispose());
  const folder = mkdtempSync(join(tmpdir(), 'local-kms-state-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'pin.txt'), `${pin}\n`);
  const here = command
    .replace('/usr/lib/softhsm/libsofthsm2.so', modulePath)
    .replace("'pin.txt'", `'${join(folder, 'pin.txt')}'`);
  const env = { ...process.env, ...environment };
  const run = () => promisify(execFile)('sh', ['-c', here], { env });
  expect(await run()).toEqual({ stdout: '', stderr: '' });
  await expect(run()).rejects.toThrow('KEY_EXISTS');

  const protection = tokenProtection({ modulePath, tokenLabel, pin, keyLabel });
  const kms = createLocalKms({ state: { store: directoryStore(join(folder, 'data')), protection } });
  const listening = await kms.listen();
  await expect(listening.close()).resolves.toBeUndefined();
});
