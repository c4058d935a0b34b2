import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BASE, encryptBody } from '../fixtures/bodies.ts';
import { isRecord } from '../fixtures/json.ts';
import { requestBytes, writeTestConfig } from '../fixtures/proxy.ts';
import { exchange } from '../fixtures/raw-http.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

describe('xks-proxy serve --workers', () => {
  let files: Awaited<ReturnType<typeof writeTestConfig>>;
  let child: ChildProcess;
  let output = '';
  let exit: Promise<unknown>;
  beforeEach(async () => {
    files = await writeTestConfig();
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    await exit;
    files.dispose();
  });

  function start(...more: string[]): void {
    output = '';
    const args = ['--conditions=@holdfast/source', '--import', 'tsx', MAIN, 'serve', '--workers', '2'];
    child = spawn(process.execPath, [...args, '--config', files.configFile, ...more], {
      env: { ...process.env, ...files.environment },
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    exit = new Promise((resolve) => void child.once('close', resolve));
  }
  const events = (name: string) =>
    output
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line): unknown => JSON.parse(line))
      .filter(isRecord)
      .filter(({ event }) => event === name);
  const listening = async (count: number) => {
    await expect.poll(() => events('listening').length, { timeout: 25_000 }).toBe(count);
  };
  const port = () => Number(events('listening')[0]?.['port']);
  const encrypt = () => {
    const path = `${BASE}/keys/orders/encrypt`;
    const body = JSON.stringify(encryptBody());
    const request = requestBytes(path, body, {}, `localhost:${port()}`, files.credentials.acme);
    return exchange({ port: port(), ca: files.ca }, request);
  };

  it('shares one port, replaces a process that dies or hangs, and stops as a whole', async () => {
    start();
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

    child.kill('SIGHUP');
    await expect.poll(() => events('reloaded').length, { timeout: 10_000 }).toBe(2);
    child.kill('SIGTERM');
    await expect(exit).resolves.toBe(0);
    expect(events('stopped')).toHaveLength(2);
  }, 60_000);

  it('stops as a whole when no process could ever start', async () => {
    writeFileSync(join(files.directory, 'pin'), 'wrong pin\n');
    start();
    await expect(exit).resolves.toBe(1);
    expect(events('worker-started').length).toBeLessThanOrEqual(2);
  }, 60_000);

  it('tells of a wrong configuration once', async () => {
    writeFileSync(files.configFile, 'no = "configuration"');
    start();
    await expect(exit).resolves.toBe(2);
    expect(output).toBe('');
  }, 60_000);
});
