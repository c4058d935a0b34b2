import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { EncryptCommand, KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import type { AuditEvent } from '@holdfast/local-kms';
import { commandLine } from '@holdfast/testbed/command-line';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { runHere } from '../../../../tools/vitest/run-here.ts';
import { openAuditFile } from '../../src/cli/audit-file.ts';
import { runProgram } from '../../src/cli/program.ts';
import { present, refusal, startKms } from '../fixtures/kms.ts';

const NOBODY = 65_534;
const PRINCIPALS = `
accounts:
  "000000000000":
    users:
      danny:
        accessKeys: [{ accessKeyId: DANNY, secretAccessKey: only-for-tests }]
`;

function folderWithFiles() {
  const folder = mkdtempSync(join(tmpdir(), 'local-kms-access-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [principals, seed, audit] = ['principals.yaml', 'seed.yaml', 'audit.jsonl'].map((name) =>
    join(folder, name),
  );
  const files = { principals: String(principals), seed: String(seed), audit: String(audit) };
  writeFileSync(files.principals, PRINCIPALS);
  writeFileSync(files.seed, 'keys: [{ aliases: [alias/orders] }]');
  return files;
}

const run = (...args: readonly string[]) => runHere(runProgram, ...args);
const titled = (args: readonly string[]) => [args.join(' '), args] as const;

describe('local-kms explain', () => {
  test('ends with status 4 for one thing that is denied, and with 0 for many', async () => {
    const { principals, seed } = folderWithFiles();
    const files = ['--principals', principals, '--seed', seed];
    const one = ['--principal', 'danny', '--key', 'alias/orders', '--operation', 'Encrypt'];
    const [denied, many, json] = [
      await run('explain', ...files, ...one),
      await run('explain', ...files),
      await run('explain', ...files, '--json'),
    ];
    expect(denied.status).toBe(4);
    expect(denied.stdout).toContain('Denied');
    expect(many.status).toBe(0);
    expect(many.stdout.trim().split('\n')).toHaveLength(4);
    const [first = ''] = json.stdout.split('\n');
    expect(JSON.parse(first)).toMatchObject({ allowed: false, reason: 'IdentityPolicyMissing' });
  });

  test('asks with the context for everything that has one', async () => {
    const { principals, seed } = folderWithFiles();
    const AWS = 'arn:aws:iam::000000000000:user/danny';
    const statement = { Effect: 'Allow', Principal: { AWS }, Action: 'kms:*', Resource: '*' };
    const Condition = { StringEquals: { 'kms:EncryptionContext:team': 'secret' } };
    const policy = {
      Version: '2012-10-17',
      Statement: [statement, { ...statement, Effect: 'Deny', Condition }],
    };
    writeFileSync(seed, JSON.stringify({ keys: [{ policy }] }));
    const operations = ['Decrypt', 'ReEncryptFrom', 'ReEncryptTo', 'CreateGrant', 'DescribeKey'];
    const args = ['--principals', principals, '--seed', seed, '--json', '--operation', ...operations];
    const answersFor = async (context: string) => {
      const { stdout } = await run('explain', ...args, '--context', context);
      const answer = z.object({ allowed: z.boolean() });
      return stdout
        .trim()
        .split('\n')
        .map((line) => answer.parse(JSON.parse(line)).allowed);
    };
    expect(await answersFor('team=orders')).toEqual([true, true, true, true, true]);
    expect(await answersFor('team=secret')).toEqual([false, false, false, false, true]);
  });

  test.each(
    [
      ['--principals', 'README.md'],
      ['--principals', '/nowhere/principals.yaml'],
      ['--principal', 'nobody'],
      ['--key', 'alias/none'],
      ['--operation', 'Decript'],
      ['--context', 'orders'],
      ['--condition', 'orders'],
    ].map(titled),
  )('explains itself and ends with status 2: %s', async (_title, args) => {
    const { principals, seed } = folderWithFiles();
    const { status, stderr } = await run('explain', '--principals', principals, '--seed', seed, ...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^.+\n$/);
  });

  test.each([
    ['--context', '--context'],
    ['--condition', '--condition'],
    ['--principal', 'user/danny'],
  ])('says of %s what it expects', async (option, expected) => {
    const { principals, seed } = folderWithFiles();
    const files = ['--principals', principals, '--seed', seed];
    expect((await run('explain', ...files, option, 'nobody')).stderr).toContain(expected);
  });

  test('knows a principal by what policy new takes', async () => {
    const { principals, seed } = folderWithFiles();
    const files = ['--principals', principals, '--seed', seed];
    const { status, stdout } = await run('explain', ...files, '--principal', 'user/danny');
    expect(status).toBe(0);
    expect(stdout.split('\t')[0]).toBe('arn:aws:iam::000000000000:user/danny');
    expect((await run('explain', ...files, '--principal', 'role/danny')).status).toBe(2);
  });
});

test.each(
  [
    ['policy', 'new', '--admin', 'alana'],
    ['policy', 'new', '--account', '1'],
    ['audit', '--file', 'README.md'],
    ['audit', '--file', '/nowhere/audit.jsonl'],
    ['audit', '--file', '/dev/null', '--since', 'yesterday'],
    ['audit', '--file', '/dev/null', '--since', '12'],
    ['audit', '--file', '/dev/null', '--key', 'alias/orders'],
    ['audit', '--file', '/dev/null', '--key', 'arn:aws:kms:us-east-1:000000000000:alias/orders'],
    ['serve', '--auth', 'perhaps'],
    ['serve', '--port', '0', '--audit', '/nowhere/audit.jsonl'],
    ['serve', '--port', '0', '--audit', 'a'.repeat(300)],
  ].map(titled),
)('local-kms explains itself and ends with status 2: %s', async (_title, args) => {
  const { status, stderr } = await run(...args);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^.+\n$/);
});

const eventOf = (requestParameters: object) =>
  `${JSON.stringify({ eventTime: new Date().toISOString(), resources: [], requestParameters })}\n`;

describe('local-kms audit', () => {
  test('finds every event around lines that are none, and names those at the end', async () => {
    const { audit } = folderWithFiles();
    const [first, second] = [eventOf({ description: 'one \u2028 line' }), eventOf({})];
    writeFileSync(audit, `${first}{"eventTime":"20\n${second}{}\n${first.trim()}`);
    for (const since of ['1h', '2020-01-01', '2020-01-01T00:00Z', '2020-01-01T00:00:00.5+01:00']) {
      const { status, stdout, stderr } = await run('audit', '--file', audit, '--since', since);
      expect({ status, stdout }).toEqual({ status: 2, stdout: `${first}${second}${first}` });
      expect(stderr).toMatch(/^.*line 2, 4\n$/);
    }
  });

  test('ends with its reader, without a word', async () => {
    const { audit } = folderWithFiles();
    writeFileSync(audit, eventOf({ description: 'x'.repeat(1000) }).repeat(5000));
    const child = spawn(process.execPath, [...commandLine('local-kms'), 'audit', '--file', audit]);
    const errors: string[] = [];
    child.stderr.on('data', (chunk) => errors.push(String(chunk)));
    child.stdout.once('data', () => child.stdout.destroy());
    await once(child, 'close');
    expect({ code: child.exitCode, errors }).toEqual({ code: 0, errors: [] });
  });

  test('finds events that were written after one that was cut off', async () => {
    const { audit } = folderWithFiles();
    const kept: AuditEvent[] = [];
    const { client } = await startKms({ audit: (event) => void kept.push(event) });
    await client.send(new ListKeysCommand());
    const event = present(kept[0]);
    const [line, cut] = [`${JSON.stringify(event)}\n`, '{"eventVer'];
    for (const [before, after] of [
      [undefined, line],
      [line, `${line}${line}`],
      [`${line}${cut}`, `${line}${cut}\n${line}`],
    ]) {
      if (before !== undefined) writeFileSync(audit, before);
      (await openAuditFile(audit)).write(event);
      await expect.poll(() => readFileSync(audit, 'utf8')).toBe(after);
    }
  });

  test.runIf(process.getuid?.() === 0)(
    'finds events in a file that may be appended to and not read (needs root)',
    async () => {
      const { audit } = folderWithFiles();
      const kept: AuditEvent[] = [];
      const { client } = await startKms({ audit: (event) => void kept.push(event) });
      await client.send(new ListKeysCommand());
      const event = present(kept[0]);
      const line = `${JSON.stringify(event)}\n`;
      writeFileSync(audit, line, { mode: 0o200 });
      for (const path of [dirname(audit), audit]) chownSync(path, NOBODY, NOBODY);
      process.seteuid?.(NOBODY);
      try {
        (await openAuditFile(audit)).write(event);
      } finally {
        process.seteuid?.(0);
      }
      await expect.poll(() => readFileSync(audit, 'utf8')).toBe(`${line}${line}`);
    },
  );
});

test('local-kms serve --auth enforce refuses, and audits into a file that only its owner reads', async () => {
  const { principals, seed, audit } = folderWithFiles();
  const options = ['--port', '0', '--auth', 'enforce', '--principals', principals, '--seed', seed];
  const child = spawn(process.execPath, [...commandLine('local-kms'), 'serve', ...options, '--audit', audit]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const line = z.object({ value: z.string() });
  const { value } = line.parse(await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next());
  const { url } = z.object({ url: z.string() }).parse(JSON.parse(value));
  const credentials = { accessKeyId: 'DANNY', secretAccessKey: 'only-for-tests' };
  const client = new KMSClient({ region: 'us-east-1', endpoint: url, credentials, maxAttempts: 1 });
  const encrypt = new EncryptCommand({ KeyId: 'alias/orders', Plaintext: Buffer.of(1) });
  expect(await refusal(client.send(encrypt))).toBe('AccessDeniedException');
  client.destroy();
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(statSync(audit).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(audit, 'utf8'))).toMatchObject({
    eventName: 'Encrypt',
    errorCode: 'AccessDeniedException',
    userIdentity: { userName: 'danny' },
  });
  const found = await run('audit', '--file', audit, '--since', '5m');
  expect(found.stdout).toBe(readFileSync(audit, 'utf8'));
});
