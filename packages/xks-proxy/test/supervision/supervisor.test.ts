import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { RUNS_TYPESCRIPT } from '../../../../tools/vitest/runs-typescript.ts';
import { writeTestConfig } from '../fixtures/proxy.ts';
import { type ServeProcess, startServeProcess } from '../fixtures/serve-process.ts';

describe('xks-proxy serve --workers', () => {
  let files: Awaited<ReturnType<typeof writeTestConfig>>;
  let proxy: ServeProcess;
  beforeEach(async () => {
    files = await writeTestConfig();
  });
  afterEach(async () => {
    proxy.kill('SIGKILL');
    await proxy.exit;
    files.dispose();
  });
  const start = () => startServeProcess(files, '--workers', '2');

  it('shares one port, replaces a process that dies or hangs, and stops as a whole', async () => {
    proxy = start();
    const { events, listening, encrypt } = proxy;
    await listening(2);
    expect(new Set(events('listening').map((line) => line['port'])).size).toBe(1);
    const [first, second] = events('worker-started').map((line) => Number(line['pid']));
    await expect(encrypt()).resolves.toMatchObject({ status: 200 });

    process.kill(first ?? 0, 'SIGKILL');
    await listening(3);
    expect(events('worker-exited')).toMatchObject([{ worker: 1, status: 'SIGKILL' }]);
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
  }, 120_000);

  it('passes SIGHUP on without harm to processes that have only begun to start', async () => {
    proxy = start();
    await expect.poll(() => proxy.events('worker-started').length, { timeout: 40_000 }).toBe(2);
    proxy.kill('SIGHUP');
    await proxy.listening(2);
    expect(proxy.events('worker-exited')).toEqual([]);
  }, 120_000);

  it('stops as a whole when no process could ever start, and offers a wrong PIN only once', async () => {
    writeFileSync(join(files.directory, 'pin'), 'wrong pin\n');
    proxy = start();
    await expect(proxy.exit).resolves.toBe(4);
    expect(proxy.events('worker-started')).toHaveLength(1);
  }, 120_000);

  it('tells of a wrong configuration once', async () => {
    writeFileSync(files.configFile, 'no = "configuration"');
    proxy = start();
    await expect(proxy.exit).resolves.toBe(2);
    expect(proxy.output()).toBe('');
  }, 120_000);
});

describe('a process that is starting', () => {
  it('may be silent for longer than one that listens, also when it was not before', async () => {
    const program = fileURLToPath(new URL('../fixtures/slow-start.ts', import.meta.url));
    const child = spawn(process.execPath, [RUNS_TYPESCRIPT, program]);
    onTestFinished(() => void child.kill('SIGKILL'));
    const exit = new Promise((resolve) => void child.once('close', resolve));
    let events = '';
    child.stdout.on('data', (chunk: Buffer) => {
      events += chunk.toString();
    });
    await expect.poll(() => events, { timeout: 20_000 }).toMatch(/listening|worker-stuck/);
    child.kill('SIGTERM');
    await expect(exit).resolves.toBe(0);
    expect(events.trim().split('\n')).toEqual(['worker-started', 'listening', 'worker-exited']);
  }, 120_000);
});
