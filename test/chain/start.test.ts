import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { isListening } from '@holdfast/testbed/ports';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** The folder that everything temporary has to be in, and has to be gone from. */
let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'start-test-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** `npm start` without a terminal. */
function start(...args: string[]) {
  const child = spawn(process.execPath, ['examples/chain/dist/main.js', ...args], {
    env: { ...process.env, TMPDIR: folder, FORCE_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  const closed = once(child, 'close');
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return {
    output: () => output,
    signal: (name: NodeJS.Signals) => child.kill(name),
    /** Resolves to the first match in the output. */
    async until(pattern: RegExp): Promise<string> {
      for (;;) {
        const match = pattern.exec(output);
        if (match !== null) return match[0];
        if (child.exitCode !== null) throw new Error(`it ended first: ${output}`);
        await once(child.stdout, 'data');
      }
    },
    async status(): Promise<number | null> {
      await closed;
      return child.exitCode;
    },
  };
}

const leftovers = () => readdirSync(folder);

async function expectNothingLeft(output: string): Promise<void> {
  const ports = [...output.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
  expect(ports.length).toBeGreaterThan(0);
  // A process that was killed is gone soon, not at once.
  for (const port of ports) await expect.poll(() => isListening(port)).toBe(false);
  expect(leftovers()).toEqual([]);
}

test('piped, it prints plain lines, shows every hop, holds every comparison and leaves nothing', async () => {
  const run = start();
  expect(await run.status()).toBe(0);
  const output = run.output();
  expect(output.split('').filter((character) => character < ' ' && character !== '\n')).toEqual([]);
  for (const title of [
    'token',
    'XKS proxy',
    'local KMS',
    'key store',
    'KMS key',
    'encrypt',
    'decrypt',
    'it reads us',
    'we read it',
  ]) {
    expect(output).toMatch(new RegExp(`^ {2}ok ${title} +[\\d.]+ ms`, 'm'));
  }
  const [, requestId = ''] = /request ([0-9a-f-]{36})/.exec(output) ?? [];
  expect(output).toContain(`"kmsRequestId":"${requestId}"`);
  const proxyReadme = readFileSync('packages/xks-proxy/README.md', 'utf8');
  const [, lines = expect.unreachable()] =
    /## Connecting AWS KMS[^]*?```sh\n([^]*?)```/.exec(proxyReadme) ?? [];
  expect(output).toContain(lines.replace(/^/gm, '  ').trimEnd());
  await expectNothingLeft(output);
}, 120_000);

test('with a file of its own and --keep, it serves the AWS SDK until it is interrupted', async () => {
  const file = join(folder, 'empty');
  writeFileSync(file, '');
  const run = start('--keep', file);
  await run.until(/Everything stays up[^]*proxy:/);
  const endpoint = (await run.until(/AWS_ENDPOINT_URL_KMS=\S+/)).replace(/^.*=/, '');
  const client = new KMSClient({
    endpoint,
    region: 'eu-north-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  expect((await client.send(new ListKeysCommand())).Keys).toHaveLength(1);
  client.destroy();
  run.signal('SIGINT');
  expect(await run.status()).toBe(0);
  rmSync(file);
  await expectNothingLeft(run.output());
}, 120_000);

test('interrupted half way, it leaves nothing', async () => {
  const run = start();
  await run.until(/ok XKS proxy/);
  run.signal('SIGINT');
  expect(await run.status()).toBe(130);
  await expectNothingLeft(run.output());
}, 120_000);

test('a file that is not there is a failure before anything starts', async () => {
  const run = start(join(folder, 'missing'));
  expect(await run.status()).toBe(1);
  expect(leftovers()).toEqual([]);
});

test('an unknown option is a mistake of the caller', async () => {
  expect(await start('--unknown').status()).toBe(2);
});
