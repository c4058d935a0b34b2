import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { RUNS_TYPESCRIPT } from '../../../../tools/vitest/runs-typescript.ts';
import { writeTestConfig } from '../fixtures/proxy.ts';
import { type ServeProcess, startServeProcess } from '../fixtures/serve-process.ts';

/** A proxy of two processes, or another number, put away when the test is over. */
async function start(
  onTestFinished: TestContext['onTestFinished'],
  change: (files: Awaited<ReturnType<typeof writeTestConfig>>) => void = () => undefined,
  workers = 2,
): Promise<ServeProcess> {
  const files = await writeTestConfig();
  change(files);
  const proxy = startServeProcess(files, '--workers', String(workers));
  onTestFinished(async () => {
    proxy.kill('SIGKILL');
    await proxy.exit;
    files.dispose();
  });
  return proxy;
}

// Each of them has processes of its own, and waits for them most of the time.
describe('xks-proxy serve --workers', { concurrent: true }, () => {
  it('shares one port, replaces a process that dies or hangs, and stops as a whole', async ({
    expect,
    onTestFinished,
  }) => {
    const proxy = await start(onTestFinished);
    const { events, listening, encrypt } = proxy;
    await listening(2);
    expect(new Set(events('listening').map((line) => line['port'])).size).toBe(1);
    const [first, second] = events('worker-started').map((line) => Number(line['pid']));
    await expect(encrypt()).resolves.toMatchObject({ status: 200 });

    process.kill(first ?? 0, 'SIGKILL');
    await listening(3);
    expect(events('worker-exited')).toMatchObject([{ worker: 1, status: 'SIGKILL', level: 'warn' }]);
    for (let round = 0; round < 4; round += 1) {
      await expect(encrypt()).resolves.toMatchObject({ status: 200 });
    }

    // As a process whose event loop a module holds up: it takes nothing, and says nothing.
    process.kill(second ?? 0, 'SIGSTOP');
    await listening(4);
    expect(events('worker-stuck')).toMatchObject([{ worker: 2, pid: second }]);

    proxy.kill('SIGHUP');
    await expect.poll(() => events('reloaded').length, { timeout: 10_000 }).toBe(2);
    proxy.kill('SIGTERM');
    await expect(proxy.exit).resolves.toBe(0);
    expect(events('stopped')).toHaveLength(2);
    // That they were killed is worth a warning, and that they stopped as they were told is not.
    expect(events('worker-exited').map(({ status, level }) => [status, level])).toEqual([
      ['SIGKILL', 'warn'],
      ['SIGKILL', 'warn'],
      [0, 'info'],
      [0, 'info'],
    ]);
  }, 120_000);

  it('starts a process again with the settings that the others were started with', async ({
    expect,
    onTestFinished,
  }) => {
    const clients = 'client_ca_file = "server.pem"\nclient_common_names = ["kms"]\n';
    const late = '[audit]\ndirectory = "audit"\n[iv_budget]\nstate_dir = "state"\n';
    const others = late.replaceAll('"\n', '-new"\n');
    let change = (): void => undefined;
    let directory = '';
    const proxy = await start(onTestFinished, (files) => {
      directory = files.directory;
      writeFileSync(files.configFile, files.toml + late);
      change = () => {
        const changed = files.toml
          .replace('port = 0', 'port = 1')
          .replace('[[tokens]]', `${clients}[[tokens]]`);
        writeFileSync(files.configFile, changed + others);
      };
    });
    await proxy.listening(2);
    change();
    const events = (name: string) => proxy.events(name);
    await expect.poll(() => events('reloaded').length, { timeout: 20_000 }).toBe(2);
    process.kill(Number(events('worker-started')[0]?.['pid']), 'SIGKILL');
    await proxy.listening(3);
    await expect.poll(() => events('reloaded').length, { timeout: 20_000 }).toBe(3);
    expect(new Set(events('listening').map(({ port }) => port)).size).toBe(1);
    const awaiting = ['server.port', 'server.tls.client_ca_file', 'audit', 'iv_budget'];
    expect(events('reloaded').map(({ awaitingStart }) => awaitingStart)).toEqual([
      awaiting,
      awaiting,
      awaiting,
    ]);
    for (let round = 0; round < 4; round += 1) {
      await expect(proxy.encrypt()).resolves.toMatchObject({ status: 200 });
    }
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(['audit', 'state']));
    expect(readdirSync(directory).filter((name) => name.endsWith('-new'))).toEqual([]);
  }, 120_000);

  it('passes SIGHUP on without harm to processes that have only begun to start', async ({
    expect,
    onTestFinished,
  }) => {
    const proxy = await start(onTestFinished);
    await expect.poll(() => proxy.events('worker-started').length, { timeout: 40_000 }).toBe(2);
    proxy.kill('SIGHUP');
    await proxy.listening(2);
    expect(proxy.events('worker-exited')).toEqual([]);
  }, 120_000);

  it('stops processes that have only begun to start', async ({ expect, onTestFinished }) => {
    const proxy = await start(onTestFinished);
    await expect.poll(() => proxy.events('worker-started').length, { timeout: 40_000 }).toBe(2);
    proxy.kill('SIGTERM');
    await expect(proxy.exit).resolves.toBe(0);
    expect(proxy.events('worker-stuck')).toEqual([]);
    for (const exited of proxy.events('worker-exited')) expect(exited).toMatchObject({ status: 0 });
  }, 120_000);

  it('stops as a whole when no process could ever start, and offers a wrong PIN only once', async ({
    expect,
    onTestFinished,
  }) => {
    const proxy = await start(onTestFinished, ({ directory }) =>
      writeFileSync(join(directory, 'pin'), 'wrong pin\n'),
    );
    await expect(proxy.exit).resolves.toBe(4);
    expect(proxy.events('worker-started')).toHaveLength(1);
  }, 120_000);

  it('keeps a process that gave signs of life while it was held up itself', async ({
    expect,
    onTestFinished,
  }) => {
    const proxy = await start(onTestFinished, undefined, 1);
    await proxy.listening(1);
    // As the machine does that is paused, or moved to another host.
    proxy.kill('SIGSTOP');
    await sleep(6_000);
    proxy.kill('SIGCONT');
    await sleep(2_000);
    expect(proxy.events('worker-stuck')).toEqual([]);
    await expect(proxy.encrypt()).resolves.toMatchObject({ status: 200 });
  }, 120_000);

  it('stops as a whole when the reader of the log is gone', async ({ expect, onTestFinished }) => {
    const proxy = await start(onTestFinished, undefined, 1);
    await proxy.listening(1);
    proxy.closeOutput();
    await proxy.encrypt();
    await expect(proxy.exit).resolves.toBe(3);
    expect(new Set(proxy.errors().trim().split('\n'))).toEqual(
      new Set(['the log cannot be written any more, so the proxy stops: write EPIPE']),
    );
  }, 120_000);

  it('tells of a wrong configuration once', async ({ expect, onTestFinished }) => {
    const proxy = await start(onTestFinished, ({ configFile }) =>
      writeFileSync(configFile, 'no = "configuration"'),
    );
    await expect(proxy.exit).resolves.toBe(2);
    expect(proxy.output()).toBe('');
  }, 120_000);
});

describe('a process that is starting', { concurrent: true }, () => {
  it('may be silent for longer than one that listens, also when it was not before', async ({
    expect,
    onTestFinished,
  }) => {
    const { child, exit, events } = run(
      onTestFinished,
      new URL('../fixtures/slow-start.ts', import.meta.url),
    );
    await expect.poll(events, { timeout: 20_000 }).toMatch(/listening|worker-stuck/);
    child.kill('SIGTERM');
    await expect(exit).resolves.toBe(0);
    expect(events().trim().split('\n')).toEqual(['worker-started', 'listening', 'worker-exited']);
  }, 120_000);
});

describe('a process that the system refuses', () => {
  it.each(['EMFILE', 'E2BIG'])(
    'is asked for again, and keeps the others from no end: %s',
    async (reason) => {
      const { child, exit, events } = run(
        onTestFinished,
        new URL('../fixtures/refused-process.ts', import.meta.url),
        reason,
      );
      const told = [
        'worker-started',
        'worker-exited SIGKILL',
        `worker-not-started ${reason}`,
        'worker-started',
      ];
      await expect.poll(() => events().trim().split(/ *\n/), { timeout: 20_000 }).toEqual(told);
      child.kill('SIGTERM');
      await expect(exit).resolves.toBe(0);
    },
    60_000,
  );
});

/**
 * Runs a program of the fixtures that prints what its supervisor tells. It may have few descriptors: one that takes them all
 * would else have to take as many as the machine allows.
 */
function run(onTestFinished: TestContext['onTestFinished'], program: URL, ...args: readonly string[]) {
  const command = [process.execPath, RUNS_TYPESCRIPT, fileURLToPath(program), ...args];
  const child = spawn('sh', ['-c', 'ulimit -n 256; exec "$0" "$@"', ...command]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return {
    child,
    exit: new Promise((resolve) => void child.once('close', resolve)),
    events: () => output,
  };
}
