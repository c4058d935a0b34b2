import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryToken } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { finding } from '../../src/doctor/findings.ts';
import { runCommandHere as run } from '../fixtures/command.ts';

let token: ReturnType<typeof temporaryToken>;
let folder: string;
beforeAll(() => {
  token = temporaryToken({ label: 'there' });
  folder = mkdtempSync(join(tmpdir(), 'holdfast-commands-'));
  writeFileSync(join(folder, 'token-pin'), `${token.pin}\n`);
  CONFIG = ['--config', join(folder, 'xks', 'config.toml')];
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  token.dispose();
});

let CONFIG: readonly string[];
const initOptions = () => {
  const options = {
    '--module': token.modulePath,
    '--token-label': 'there',
    '--pin-file': join(folder, 'token-pin'),
    '--store': 'acme',
    '--region': 'eu-north-1',
    '--host-name': 'xks.example.com',
    '--key': 'orders',
    '--state-dir': join(folder, 'state'),
  };
  return Object.entries(options).flat();
};
const json = (text: string): unknown => JSON.parse(text);

describe('the life of a proxy on the command line', () => {
  it('starts with init', async () => {
    const { status, stdout, stderr } = await run('init', '--folder', join(folder, 'xks'), ...initOptions());
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const next = [...stdout.matchAll(/^next: .* (doctor|console-config|serve) --config /gm)];
    // Serve runs until it is stopped.
    expect(next.map(([, command]) => command)).toEqual(['doctor', 'console-config', 'serve']);
    expect(loadConfig(join(folder, 'xks', 'config.toml')).ivBudget.stateDirectory).toBe(
      join(folder, 'state'),
    );
  });

  it('asks for what is missing in one line, without a terminal', async () => {
    const { status, stderr } = await run('init', '--folder', join(folder, 'other'));
    expect(status).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    for (const option of ['--region', '--host-name', '--pin-file']) expect(stderr).toContain(option);
  });

  it.each([['--certificate-file', '/etc/chain.pem'], ['--key-file', '/etc/key.pem'], ['--initialize-token']])(
    'does not start with options that miss another one or contradict it: %s',
    async (...option) => {
      const other = join(folder, 'other');
      const { status, stderr } = await run('init', '--folder', other, ...initOptions(), ...option);
      expect(status).toBe(2);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(existsSync(other)).toBe(false);
    },
  );

  it('is checked and examined', async () => {
    // However long a call takes here.
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const [checked, examined] = [
      await run('config', 'check', ...CONFIG),
      await run('doctor', ...CONFIG, '--json'),
    ];
    expect(checked.status).toBe(0);
    expect(checked.stdout).toMatch(/ is right: 1 token, 1 store, 1 key\n$/);
    expect(examined).toMatchObject({ status: 0, stderr: '' });
    expect(json(examined.stdout)).toMatchObject({ failures: 0, warnings: 1 });
  });

  it('is not right once its certificate has expired', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 20 * 365 * 24 * 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    expect(await run('config', 'check', ...CONFIG)).toMatchObject({ status: 2 });
    expect(await run('serve', '--workers', '2', ...CONFIG)).toMatchObject({ status: 2 });
    // Other commands are still needed.
    expect(await run('credentials', 'list', ...CONFIG)).toMatchObject({ status: 0 });
  });

  it('goes on with keys', async () => {
    expect(await run('keys', 'create', 'invoices', ...CONFIG)).toMatchObject({ status: 0, stderr: '' });
    const rotated = await run('keys', 'rotate', 'invoices', ...CONFIG);
    expect(rotated).toMatchObject({ status: 0, stderr: '' });
    const [, encryptsFrom = ''] =
      /: rotated, version 2, which encrypts from (.+) on \(/.exec(rotated.stdout) ?? [];
    expect(Date.parse(encryptsFrom)).toBeGreaterThan(Date.now());
    expect(await run('keys', 'block', 'orders', ...CONFIG)).toMatchObject({
      status: 0,
      stdout: 'orders: BLOCKED\n',
    });
    const listed = await run('keys', 'list', ...CONFIG, '--json');
    expect(json(listed.stdout)).toMatchObject([
      { externalKeyId: 'orders', status: 'BLOCKED', tokens: ['main'], versions: [{ version: 1 }] },
      {
        externalKeyId: 'invoices',
        status: 'ENABLED',
        versions: [{ version: 1 }, { version: 2, encryptsFrom }],
      },
    ]);
    const shown = await run('keys', 'show', 'invoices', ...CONFIG, '--json');
    expect(json(shown.stdout)).toMatchObject({
      versions: [
        { version: 1, encryptions: 0, found: [{ token: 'main', label: 'invoices', extractable: false }] },
        { version: 2, encryptions: 0, found: [{ token: 'main', sensitive: true }] },
      ],
    });
    expect(shown.stdout).toMatch(/"label": ?"invoices\.v2\.[0-9a-f]{8}"/);
    const damaged = join(folder, 'state', 'iv-counts_closed_aa.json');
    mkdirSync(join(folder, 'state'), { recursive: true });
    writeFileSync(damaged, '');
    const unread = await run('keys', 'show', 'invoices', ...CONFIG);
    rmSync(damaged);
    expect([unread.status, unread.stderr]).toEqual([2, expect.stringContaining(`${damaged} is damaged`)]);
    const table = await run('keys', 'list', ...CONFIG);
    const row = / +ENABLED +ENCRYPT DECRYPT +(.+?) +main$/m.exec(table.stdout);
    expect(row?.[1]).toBe(`1, 2 from ${encryptsFrom}`);
  });

  it('leads to a KMS key from an external key with both usages alone', async () => {
    const [one, both] = [
      await run('keys', 'link', 'sealing', ...CONFIG, '--label', 'orders', '--usage', 'ENCRYPT'),
      await run('keys', 'link', 'archive', ...CONFIG, '--label', 'orders'),
    ];
    expect([one, both].map(({ status }) => status)).toEqual([0, 0]);
    expect(one.stdout).not.toContain('aws kms create-key');
    expect(both.stdout).toContain('aws kms create-key');
  });

  it('has credentials that come and go, whose secrets are in files, and never listed', async () => {
    const added = await run('credentials', 'add', ...CONFIG, '--store', 'acme');
    const [, id = '', file = ''] = /([A-Z2-7]{20})\nkept in +(.+)\n/.exec(added.stdout) ?? [];
    const secret = readFileSync(file, 'utf8').trim();
    expect(secret).toMatch(/^[A-Za-z0-9+/=]{44}$/);
    expect(added.stdout).not.toContain(secret);
    const [, next = ''] = /^next: .*?(console-config .+)$/m.exec(added.stdout) ?? [];
    const followed = await run(...next.split(' '));
    expect(followed).toMatchObject({ status: 0, stderr: '' });
    expect(followed.stdout).not.toContain(secret);
    expect(readFileSync(join(folder, 'xks', 'acme.console.json'), 'utf8')).toContain(secret);
    const listed = await run('credentials', 'list', ...CONFIG);
    expect(listed.stdout).toContain(id);
    expect(listed.stdout).not.toContain(secret);
    const console = await run('console-config', ...CONFIG);
    expect(json(console.stdout)).toEqual({
      XksProxyUriPath: '/acme/kms/xks/v1',
      XksProxyAuthenticationCredential: { AccessKeyId: id, RawSecretAccessKey: secret },
    });
    expect(await run('credentials', 'revoke', id, ...CONFIG)).toMatchObject({ status: 0, stderr: '' });
  });

  it('shows a secret on a terminal alone', async () => {
    const { isTTY } = process.stdout;
    process.stdout.isTTY = true;
    onTestFinished(() => {
      process.stdout.isTTY = isTTY;
    });
    const { stdout } = await run('credentials', 'add', ...CONFIG);
    const [, id = '', secret = ''] = /([A-Z2-7]{20})\n.* ([A-Za-z0-9+/=]{44})\n/.exec(stdout) ?? [];
    expect(readFileSync(join(folder, 'xks', `${id}.secret`), 'utf8')).toBe(`${secret}\n`);
    expect(await run('credentials', 'revoke', id, ...CONFIG)).toMatchObject({ status: 0 });
  });

  it('writes the secret for AWS into files for their owner alone, and none on the terminal', async () => {
    const { status, stdout } = await run(
      'console-config',
      ...CONFIG,
      '--endpoint',
      'https://xks.example.com',
      '--output',
      join(folder, 'aws.json'),
    );
    expect(status).toBe(0);
    const document = readFileSync(join(folder, 'aws.json'), 'utf8');
    const [, secret = ''] = /"RawSecretAccessKey": "([^"]+)"/.exec(document) ?? [];
    expect(secret).not.toBe('');
    expect(stdout).not.toContain(secret);
    expect(stdout).toContain('--xks-proxy-uri-endpoint https://xks.example.com');
    expect(stdout).toContain('cli_follow_urlparam');
    for (const name of ['aws.json', 'aws.json.credential'])
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  });

  it('prints lines for the AWS CLI that a shell takes as they are, wherever the file is', async () => {
    const file = join(mkdtempSync(join(folder, "sp ace's ")), 'c.json');
    const { stdout } = await run('console-config', ...CONFIG, '--output', file);
    const [line = expect.unreachable()] = /aws kms create-custom-key-store .+/.exec(stdout) ?? [];
    const words = execFileSync('sh', ['-c', `aws() { printf '%s\\n' "$@"; }; ${line}`], { encoding: 'utf8' });
    expect(words.trim().split('\n').at(-1)).toBe(`file://${file}.credential`);
  });

  it('leaves no file for AWS where one of the two is in the way, or has no folder', async () => {
    writeFileSync(join(folder, 'second.json.credential'), '');
    for (const name of ['second.json', join('nowhere', 'aws.json')]) {
      const { status, stderr } = await run('console-config', ...CONFIG, '--output', join(folder, name));
      expect(status).toBe(1);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(existsSync(join(folder, name))).toBe(false);
    }
  });

  it.each([
    ['console-config', 'a port, which AWS KMS does not take', 'https://xks.example.com:8443'],
    ['console-config', 'a path', 'https://xks.example.com/acme'],
    ['console-config', 'a query', 'https://xks.example.com/?acme'],
    ['doctor', 'a password', 'https://user:password@xks.example.com'],
    ['doctor', 'a fragment', 'https://xks.example.com/#acme'],
    ['doctor', 'another scheme', 'http://xks.example.com'],
  ])('%s refuses an endpoint with %s', async (command, _what, endpoint) => {
    const { status, stdout } = await run(command, ...CONFIG, '--endpoint', endpoint);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it('tells in one line, with status 1, what cannot be done, and with 2 what is not understood', async () => {
    const refused = [
      await run('keys', 'create', 'orders', ...CONFIG, '--token', 'none'),
      await run('keys', 'create', 'orders', ...CONFIG),
      await run('keys', 'enable', 'orders', ...CONFIG),
      await run('keys', 'show', 'nothing', ...CONFIG),
    ];
    for (const { status, stderr } of refused) {
      expect(status).toBe(1);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    const unwritable = [
      await run('init', '--folder', join(folder, 'token-pin'), ...initOptions()),
      await run('init', '--folder', join(folder, 'token-pin', 'below'), ...initOptions()),
    ];
    for (const { status, stderr } of unwritable) {
      expect(status).toBe(1);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    writeFileSync(join(folder, 'empty'), '\n');
    const misunderstood = [
      await run('init', ...initOptions(), '--pin-file', join(folder, 'empty')),
      await run('init', ...initOptions(), '--listen', '::1:8443'),
      await run('keys', 'link', 'a', ...CONFIG),
      await run('keys', 'create', 'a', ...CONFIG, '--usage', 'SIGN'),
      await run('config', 'check'),
      await run('config', 'check', '--config', join(folder, 'none.toml')),
    ];
    expect(misunderstood.map(({ status }) => status)).toEqual(Array(6).fill(2));
  });

  it.each([
    [['create', 'unnamed', '--label', '']],
    [['rotate', 'invoices', '--label', '']],
    [['link', 'unnamed', '--label', '']],
    [['link', 'invoices', '--next-version', '--label', 'orders', '--token', 'main']],
    [['link', 'invoices', '--next-version', '--label', 'orders', '--usage', 'DECRYPT']],
  ])('refuses, with status 2 and without a stack, to do what keys %j says in part alone', async (args) => {
    const before = readFileSync(join(folder, 'xks', 'acme.keys.toml'), 'utf8');
    const { status, stdout, stderr } = await run('keys', ...args, ...CONFIG);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(readFileSync(join(folder, 'xks', 'acme.keys.toml'), 'utf8')).toBe(before);
  });

  it('keeps a usage and a token once, however often they are given', async () => {
    const usages = ['--usage', 'DECRYPT', 'DECRYPT', '--usage', 'DECRYPT'];
    const tokens = ['--token', 'main', 'main'];
    const repeated = [...usages, ...tokens];
    expect(await run('keys', 'create', 'made-once', ...CONFIG, ...repeated)).toMatchObject({ status: 0 });
    const linked = await run('keys', 'link', 'linked-once', ...CONFIG, '--label', 'orders', ...repeated);
    expect(linked).toMatchObject({ status: 0 });
    const keys = loadConfig(join(folder, 'xks', 'config.toml')).stores[0]?.keys ?? [];
    expect(keys.filter(({ externalKeyId }) => externalKeyId.endsWith('-once'))).toMatchObject([
      { usages: ['DECRYPT'], tokens: ['main'] },
      { usages: ['DECRYPT'], tokens: ['main'] },
    ]);
  });

  it('says what to do about a wrong PIN in one line, with status 4', async () => {
    writeFileSync(join(folder, 'wrong-pin'), 'wrong\n');
    const made = await run(
      'init',
      '--folder',
      join(folder, 'other'),
      ...initOptions(),
      '--pin-file',
      join(folder, 'wrong-pin'),
    );
    writeFileSync(join(folder, 'xks', 'pin'), 'wrong');
    const created = await run('keys', 'create', 'never', ...CONFIG);
    writeFileSync(join(folder, 'xks', 'pin'), `${token.pin}\n`);
    for (const { status, stderr } of [made, created]) {
      expect(status).toBe(4);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stderr).toContain(finding('pin-refused', '', '').remedy);
    }
  });

  it('ends doctor with status 1 when something is wrong', async () => {
    writeFileSync(join(folder, 'xks', 'pin'), 'wrong');
    const { status, stdout } = await run('doctor', ...CONFIG);
    writeFileSync(join(folder, 'xks', 'pin'), `${token.pin}\n`);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^FAILURE {2}token main: .* \(pin-refused\)\n +to do: /m);
  });
});
