import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from '@holdfast/testbed/command-line';
import { isRecord } from '@holdfast/testbed/json';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { BASE, encryptBody } from '../fixtures/bodies.ts';
import { runCommandHere } from '../fixtures/command.ts';
import { requestBytes, writeTestConfig } from '../fixtures/proxy.ts';
import { exchange } from '../fixtures/raw-http.ts';

let files: Awaited<ReturnType<typeof writeTestConfig>>;
beforeAll(async () => {
  files = await writeTestConfig();
});
afterAll(() => files.dispose());

function run(...args: string[]) {
  const child = spawn(process.execPath, [...commandLine('xks-proxy'), ...args], {
    env: { ...process.env, ...files.environment },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  const exit = new Promise((resolve) => void child.once('close', resolve));
  return { child, output, exit };
}

const events = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line))
    .filter(isRecord);

describe('xks-proxy serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('serves until %s, then exits with 0', async (signal) => {
    const { child, output, exit } = run('serve', '--config', files.configFile);
    await expect.poll(() => output.stdout, { timeout: 20_000 }).toContain('"event":"listening"');
    const port = Number(events(output.stdout).find(({ event }) => event === 'listening')?.['port']);
    const body = JSON.stringify(encryptBody());
    const request = requestBytes(
      `${BASE}/keys/orders/encrypt`,
      body,
      {},
      `localhost:${port}`,
      files.credentials.acme,
    );
    await expect(exchange({ port, ca: files.ca }, request)).resolves.toMatchObject({ status: 200 });
    child.kill(signal);
    await expect(exit).resolves.toBe(0);
    expect(output.stderr).toBe('');
    expect(events(output.stdout).map(({ event }) => event)).toEqual(
      expect.arrayContaining(['listening', 'request', 'stopped']),
    );
  });

  it('lists every problem of a configuration on stderr and exits with 2', async () => {
    const file = join(files.directory, 'broken.toml');
    writeFileSync(file, files.toml.replace('port = 0', 'port = -1').replace('"pin"', '"no pin"'));
    const { output, exit } = run('serve', '--config', file);
    await expect(exit).resolves.toBe(2);
    expect(output.stderr.match(/^(server\.port|tokens\[0\]\.pin_file): /gm)).toHaveLength(2);
    expect(output.stdout).toBe('');
  });

  it('exits with 2 for a configuration that is not there', async () => {
    const { output, exit } = run('serve', '--config', join(files.directory, 'nothing.toml'));
    await expect(exit).resolves.toBe(2);
    expect(output.stderr).toContain('nothing.toml');
  });

  it('can be stopped as soon as it listens', async () => {
    const { child, exit } = run('serve', '--config', files.configFile);
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('"event":"listening"')) child.kill('SIGTERM');
    });
    await expect(exit).resolves.toBe(0);
  });

  it('stops with 3 when its log has no reader any more, and says so', async () => {
    const { child, output, exit } = run('serve', '--config', files.configFile);
    await expect.poll(() => output.stdout, { timeout: 20_000 }).toContain('"event":"listening"');
    const port = Number(events(output.stdout).find(({ event }) => event === 'listening')?.['port']);
    child.stdout.destroy();
    const path = `${BASE}/keys/orders/encrypt`;
    const body = JSON.stringify(encryptBody());
    const request = requestBytes(path, body, {}, `localhost:${port}`, files.credentials.acme);
    await expect(exchange({ port, ca: files.ca }, request)).resolves.toMatchObject({ status: 200 });
    await expect(exit).resolves.toBe(3);
    expect(output.stderr.trim().split('\n')).toHaveLength(1);
    expect(output.stderr).toContain('EPIPE');
  });

  it.each([[[]], [['serve']], [['serve', '--port', '1']], [['sing']]])(
    'exits with 2 for %j',
    async (args) => {
      const { status, stderr } = await runCommandHere(...args);
      expect(status).toBe(2);
      expect(stderr).not.toBe('');
    },
  );

  it.each(['--help', '--version'])('exits with 0 for %s', async (option) => {
    expect(await runCommandHere(option)).toMatchObject({ status: 0, stderr: '' });
  });

  // The doctor finds a key that is not there.
  it.each([
    [0, ['--help']],
    [0, ['config', 'check', '--config', 'config.toml']],
    [1, ['doctor', '--config', 'config.toml']],
  ] as const)(
    'says nothing of a reader that has had enough, and exits with %i for %j',
    async (status, args) => {
      const inFolder = args.map((arg) => (arg === 'config.toml' ? files.configFile : arg));
      const { child, output, exit } = run(...inFolder);
      child.stdout.destroy();
      await expect(exit).resolves.toBe(status);
      expect(output.stderr).toBe('');
    },
  );

  it('has doctor advise what helps a binding that cannot be loaded, which is not always to build it', async () => {
    const preload = join(files.directory, 'preload.cjs');
    const message = 'libstdc++.so.6: cannot open shared object file: No such file or directory';
    const error = `Object.assign(new Error(${JSON.stringify(message)}), { code: 'ERR_DLOPEN_FAILED' })`;
    writeFileSync(preload, `process.dlopen = () => { throw ${error}; };`);
    vi.stubEnv('NODE_OPTIONS', `--require ${preload}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { output, exit } = run('doctor', '--config', files.configFile);
    await expect(exit).resolves.toBe(1);
    expect(output.stdout).toMatch(
      /install libstdc\+\+\.so\.6 on this machine \(binding-missing\)\n +to do: /,
    );
    expect(output.stdout).not.toContain('npm rebuild');
  });

  it('exits with 1 when the token cannot be opened, without a stack', async () => {
    const file = join(files.directory, 'no-token.toml');
    writeFileSync(file, files.toml.replace('xks-test', 'another token'));
    const { output, exit } = run('serve', '--config', file);
    await expect(exit).resolves.toBe(1);
    expect(output.stderr.trim().split('\n')).toHaveLength(1);
    expect(output.stderr).toMatch(/; run \S.* doctor --config /);
    expect(output.stderr).toContain(`doctor --config ${file}\n`);
  });
});
