import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  EncryptCommand,
  KMSClient,
  ListResourceTagsCommand,
  paginateListAliases,
} from '@aws-sdk/client-kms';
import { commandLine } from '@holdfast/testbed/command-line';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { runHere } from '../../../../tools/vitest/run-here.ts';
import { runProgram } from '../../src/cli/program.ts';
import { directoryStore } from '../../src/store/directory/directory-store.ts';
import { present } from '../fixtures/kms.ts';
import { temporaryFolder } from '../fixtures/state.ts';

/** How many a process acknowledges before it is killed. */
const MORE_ALIASES = 35;
const oneLine: unknown = expect.stringMatching(/^.+\n$/);
const aboutPassphrase: unknown = expect.stringMatching(/^.*passphrase.*\n$/);
const listening = z.looseObject({ url: z.string() });

function run(...args: readonly string[]) {
  const child = spawn(process.execPath, [...commandLine('local-kms'), ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const outcome = (...args: readonly string[]) => runHere(runProgram, ...args);

async function serve(...args: readonly string[]) {
  const child = run('serve', '--port', '0', ...args);
  const errors: string[] = [];
  child.stderr.on('data', (chunk) => errors.push(String(chunk)));
  const lines = createInterface({ input: child.stdout });
  const [line]: unknown[] = await Promise.race([once(lines, 'line'), once(child, 'close').then(() => [''])]);
  if (line === '') throw new Error(`local-kms does not start: ${errors.join('')}`);
  const { url } = listening.parse(JSON.parse(String(line)));
  const credentials = { accessKeyId: 'tests', secretAccessKey: 'tests' };
  const client = new KMSClient({ region: 'us-east-1', endpoint: url, credentials, maxAttempts: 1 });
  onTestFinished(() => client.destroy());
  return { child, client, url };
}

async function aliasesOf(client: KMSClient): Promise<ReadonlyMap<string, string>> {
  const aliases = new Map<string, string>();
  for await (const { Aliases = [] } of paginateListAliases({ client, pageSize: 100 }, {})) {
    for (const { AliasName, TargetKeyId } of Aliases) aliases.set(present(AliasName), present(TargetKeyId));
  }
  return aliases;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

function passphraseFile(folder: string): string {
  const path = join(folder, 'passphrase');
  writeFileSync(path, 'correct horse battery staple\n');
  return path;
}

describe('local-kms serve --data', () => {
  test('has everything that it has acknowledged, and nothing by half, however often it is killed', async () => {
    const folder = temporaryFolder();
    const args = ['--data', join(folder, 'data'), '--passphrase-file', passphraseFile(folder)];
    const acknowledged = new Map<string, string>();
    const begun = new Set<string>();
    let number = 0;
    for (let round = 1; round <= 6; round += 1) {
      const { child, client } = await serve(...args);
      const aliases = await aliasesOf(client);
      for (const [alias, keyId] of acknowledged) expect(aliases.get(alias)).toBe(keyId);
      for (const alias of aliases.keys()) expect(begun.has(alias)).toBe(true);
      // Each writer makes a key with a tag, and then an alias for it; the process is killed in the middle of all that.
      const write = async (): Promise<void> => {
        for (;;) {
          number += 1;
          const AliasName = `alias/${number}`;
          begun.add(AliasName);
          const tag = { TagKey: 'number', TagValue: AliasName };
          const { KeyMetadata } = await client.send(new CreateKeyCommand({ Tags: [tag] }));
          const TargetKeyId = present(KeyMetadata?.KeyId);
          await client.send(new CreateAliasCommand({ AliasName, TargetKeyId }));
          acknowledged.set(AliasName, TargetKeyId);
        }
      };
      const writers = Promise.allSettled(Array.from({ length: 4 }, write));
      const hasMore = () => acknowledged.size >= round * MORE_ALIASES;
      await expect.poll(hasMore, { timeout: 20_000, interval: 1 }).toBe(true);
      await end(child, 'SIGKILL');
      await writers;
    }
    const { child, client } = await serve(...args);
    for (const [alias, KeyId] of acknowledged) {
      const { Tags } = await client.send(new ListResourceTagsCommand({ KeyId }));
      expect(Tags).toEqual([{ TagKey: 'number', TagValue: alias }]);
      const { CiphertextBlob } = await client.send(
        new EncryptCommand({ KeyId, Plaintext: Buffer.from('a') }),
      );
      await client.send(new DecryptCommand({ CiphertextBlob }));
    }
    await end(child, 'SIGTERM');
    expect(child.exitCode).toBe(0);
  }, 240_000);

  test('lets its state go although it is told to stop again while it closes', async () => {
    const folder = temporaryFolder();
    const data = join(folder, 'data');
    const { child, url } = await serve('--data', data, '--passphrase-file', passphraseFile(folder));
    // It waits for what is left of a request that has arrived.
    const request = httpRequest(url, { method: 'POST', headers: { 'content-length': 2 } });
    request.on('error', () => undefined);
    request.write('{');
    await expect.poll(() => request.socket?.bytesWritten ?? 0).toBeGreaterThan(0);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const isListening = () => fetch(url, { method: 'POST' }).then(Boolean, () => false);
    await expect.poll(isListening).toBe(false);
    child.kill('SIGTERM');
    child.kill('SIGINT');
    await sleep(20);
    request.end('}');
    expect(await exited).toEqual([0, null]);
    expect(readdirSync(data)).toEqual(['state-1.log']);
  }, 60_000);

  test.each(['--data', '--postgres'])('says all that %s needs besides', async (option) => {
    const { status, stderr } = await outcome('serve', '--port', '0', option, 'postgresql://localhost/kms');
    expect(status).toBe(2);
    const options = ['passphrase-file', 'token-module', 'token-label', 'token-pin-file', 'token-key'];
    for (const name of options) expect(stderr).toContain(`--${name}`);
  });

  test('says what is wrong with what protects the state, and ends with status 1 or 2', async () => {
    const folder = temporaryFolder();
    const data = ['--data', join(folder, 'data')];
    const right = ['--passphrase-file', passphraseFile(folder)];
    const wrong = join(folder, 'wrong');
    writeFileSync(wrong, 'incorrect horse\n');
    const { child } = await serve(...data, ...right);
    await end(child, 'SIGTERM');
    const refused = await outcome('serve', '--port', '0', ...data, '--passphrase-file', wrong);
    expect(refused).toMatchObject({ status: 1, stdout: '', stderr: aboutPassphrase });
    const usages = [data, right, [...data, ...right, '--token-key', 'a'], [...data, '--token-key', 'a']];
    for (const args of usages) {
      const refusal = await outcome('serve', '--port', '0', ...args);
      expect(refusal).toMatchObject({ status: 2, stdout: '', stderr: oneLine });
    }
  }, 120_000);
});

describe('local-kms backup and restore', () => {
  test('take the state of a KMS at work to another directory', async () => {
    const folder = temporaryFolder();
    const protection = ['--passphrase-file', passphraseFile(folder)];
    const [data, copy, file] = ['data', 'copy', 'backup'].map((name) => join(folder, name));
    const first = await serve('--data', present(data), ...protection);
    const { KeyMetadata } = await first.client.send(new CreateKeyCommand({}));
    const { KeyId } = present(KeyMetadata);
    const { CiphertextBlob } = await first.client.send(
      new EncryptCommand({ KeyId, Plaintext: Buffer.from('kept') }),
    );
    const backup = await outcome('backup', '--data', present(data), '--file', present(file));
    expect(backup).toMatchObject({ status: 0, stdout: '{"version":1,"records":1}\n' });
    await first.client.send(new CreateAliasCommand({ AliasName: 'alias/later', TargetKeyId: KeyId }));
    await end(first.child, 'SIGTERM');
    expect(await outcome('restore', '--data', present(copy), '--file', present(file))).toMatchObject({
      status: 0,
    });
    const second = await serve('--data', present(copy), ...protection);
    const { Plaintext } = await second.client.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(present(Plaintext)).toString()).toBe('kept');
    expect((await aliasesOf(second.client)).size).toBe(0);
    await end(second.child, 'SIGTERM');
  }, 120_000);

  test('leave nothing of a backup that there is no room for', async () => {
    const folder = temporaryFolder();
    const [data, file] = [join(folder, 'data'), join(folder, 'backup')];
    const store = await directoryStore(data).open();
    const record = { name: 'key/us-east-1/a', version: 1, body: new Uint8Array(4096) };
    await store.begin({ header: '', version: 1, records: [record] });
    await store.close();
    const args = ['backup', '--data', data, '--file', file];
    // In the place of a full disk: no file may be longer than a kilobyte.
    const script = ['-c', 'ulimit -f 1; exec "$@"', 'bash', process.execPath];
    const child = spawn('bash', [...script, ...commandLine('local-kms'), ...args], { stdio: 'ignore' });
    await once(child, 'exit');
    expect(child.exitCode).toBe(1);
    expect(readdirSync(folder)).toEqual(['data']);
    expect(await outcome(...args)).toMatchObject({ status: 0 });
    expect(readdirSync(folder)).toEqual(['backup', 'data']);
  }, 120_000);

  test.each([
    { status: 1, what: 'nothing to back up', args: ['backup', '--data', 'nothing', '--file', 'backup'] },
    {
      status: 1,
      what: 'a file that is there',
      args: ['backup', '--data', 'data', '--file', 'notes'],
      says: /notes is there already/,
    },
    {
      status: 1,
      what: 'no backup',
      args: ['restore', '--data', 'copy', '--file', 'notes'],
      says: /no backup/,
    },
    { status: 2, what: 'no file', args: ['restore', '--data', 'copy', '--file', 'backup'] },
    { status: 2, what: 'no store', args: ['backup', '--file', 'backup'] },
    {
      status: 2,
      what: 'two stores',
      args: ['restore', '--data', 'copy', '--postgres', 'postgresql://a', '--file', 'notes'],
    },
  ])(
    'say what they cannot do with $what, and end with status $status',
    async ({ status, args, says = /./ }) => {
      const folder = temporaryFolder();
      const store = await directoryStore(join(folder, 'data')).open();
      await store.begin({ header: '', version: 1, records: [] });
      await store.close();
      writeFileSync(join(folder, 'notes'), 'not a backup\n');
      const inFolder = args.map((arg) => (/^[a-z]+$/.test(arg) && arg !== args[0] ? join(folder, arg) : arg));
      const told = await outcome(...inFolder);
      expect(told).toMatchObject({ status, stdout: '', stderr: oneLine });
      expect(told.stderr).toMatch(says);
    },
  );
});
