import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openModule } from '@holdfast/pkcs11';
import { temporaryToken } from '@holdfast/pkcs11/testing';
import { expect, onTestFinished, test } from 'vitest';

const document = readFileSync('packages/xks-proxy/README.md', 'utf8');
const [, section = ''] = /^## Before you start\n([^]*?)^## /m.exec(document) ?? [];

/** The first fenced block of the section in one language. */
function block(language: string): string {
  const [, code] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(section) ?? [];
  return code ?? expect.unreachable();
}

test('the program for operators of a proxy makes a key that encrypts and decrypts', async () => {
  const token = temporaryToken({ label: 'holdfast' });
  onTestFinished(() => token.dispose());
  // Inside the repository, so that imports lead where they lead for a user.
  mkdirSync('node_modules/.cache', { recursive: true });
  const folder = mkdtempSync(join('node_modules/.cache', 'operator-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'pin'), `${token.pin}\n`);
  const program = block('ts').replace('/usr/lib/softhsm/libsofthsm2.so', token.modulePath);
  writeFileSync(join(folder, 'key.mjs'), program);
  await promisify(execFile)(process.execPath, ['--conditions=@holdfast/source', '--import=tsx', 'key.mjs'], {
    cwd: folder,
    env: { ...process.env, ...token.environment },
  });

  const module = openModule({ path: token.modulePath });
  onTestFinished(() => module.close());
  const key = module.openToken({ label: token.label, pin: token.pin }).key({ label: 'orders' });
  expect(key.usages).toEqual(['ENCRYPT', 'DECRYPT']);
});

test('the commands for operators of a proxy make a credential of the form that AWS KMS asks for', async () => {
  const commands = [...section.matchAll(/^node --print (".*")/gm)].map(([, program = '']) => program);
  const outputs = await Promise.all(
    commands.map((program) => promisify(execFile)('sh', ['-c', `"$0" --print ${program}`, process.execPath])),
  );
  expect(outputs.map(({ stdout }) => stdout)).toEqual([
    expect.stringMatching(/^[A-Z2-7]{20}\n$/),
    expect.stringMatching(/^[A-Za-z0-9+/=]{43,64}\n$/),
  ]);
});
