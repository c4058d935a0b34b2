import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { isRunning } from '@holdfast/testbed/process-state';
import { createShim, hasCompiler, type Shim } from '@holdfast/testbed/shim';
import { describe, it, type TestContext } from 'vitest';
import { writeTestConfig } from '../../packages/xks-proxy/test/fixtures/proxy.ts';
import { startServeProcess } from '../../packages/xks-proxy/test/fixtures/serve-process.ts';
import { probeProcessesOf } from './probe-processes.ts';

// Each of them has processes of its own, and waits for them most of the time.
describe.skipIf(!hasCompiler())('a proxy that cannot start', { concurrent: true }, () => {
  it('ends when the token cannot be opened because it hangs', { timeout: 90_000 }, async ({
    expect,
    onTestFinished,
  }) => {
    const { shim, start } = await proxyBehindShim(onTestFinished, '');
    shim.fail('C_OpenSession', 'hang', -1);
    await expect(start().exit).resolves.toBe(1);
  });

  it('ends although a call of one of its threads never returns', { timeout: 90_000 }, async ({
    expect,
    onTestFinished,
  }) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { shim, start } = await proxyBehindShim(onTestFinished, 'calls = "worker"\n', (toml) =>
      toml.replace(/port = \d+/, `port = ${port}`),
    );
    shim.fail('C_EncryptInit', 'hang', -1);
    const proxy = start();
    await expect(proxy.exit).resolves.not.toBe(0);
    expect(proxy.events('listening')).toEqual([]);
    expect(shim.hits('C_EncryptInit')).toBeGreaterThan(0);
  });
});

describe.skipIf(!hasCompiler())(
  'a proxy that looks for a token which it has lost',
  { concurrent: true },
  () => {
    it('ends when it is told to, with the probe that hangs', { timeout: 90_000 }, async ({
      expect,
      onTestFinished,
    }) => {
      const { shim, start } = await proxyBehindShim(onTestFinished, '');
      const proxy = start();
      await proxy.listening(1);
      shim.fail('C_Initialize', 'hang', -1);
      shim.fail('C_GenerateRandom', { returns: 0x30 }, -1);
      const looked = async () => {
        await proxy.encrypt();
        return shim.hits('C_Initialize');
      };
      await expect.poll(looked, { timeout: 20_000 }).toBe(1);
      const [probe = expect.unreachable(), ...others] = probeProcessesOf(proxy.pid);
      expect(others).toEqual([]);
      proxy.kill('SIGTERM');
      await expect(proxy.exit).resolves.toBe(0);
      expect(proxy.events('stopped')).toHaveLength(1);
      await expect.poll(() => isRunning(probe)).toBe(false);
    });
  },
);

describe.skipIf(!hasCompiler())('a PIN that is wrong from one day to the next', { concurrent: true }, () => {
  it('is offered once for all processes that have died: those that serve go on, until SIGHUP says that it is right', {
    timeout: 120_000,
  }, async ({ expect, onTestFinished }) => {
    const { shim, start } = await proxyBehindShim(onTestFinished, 'calls = "inline"\n');
    const proxy = start('--workers', '3');
    await proxy.listening(3);
    shim.fail('C_Login', { returns: 0xa0 }, -1);
    const [first, second] = proxy.events('worker-started').map(({ pid }) => Number(pid));
    process.kill(first ?? 0, 'SIGKILL');
    const statuses = () => proxy.events('worker-exited').map(({ status }) => status);
    await expect.poll(statuses, { timeout: 25_000 }).toEqual(['SIGKILL', 4]);
    process.kill(second ?? 0, 'SIGKILL');
    await expect.poll(statuses, { timeout: 25_000 }).toEqual(['SIGKILL', 4, 'SIGKILL']);
    for (let round = 0; round < 20; round += 1) {
      await expect(proxy.encrypt()).resolves.toMatchObject({ status: 200 });
      await new Promise((resolve) => void setTimeout(resolve, 100));
    }
    expect(shim.hits('C_Login')).toBe(1);

    shim.heal();
    proxy.kill('SIGHUP');
    await proxy.listening(5);
    expect(statuses()).toHaveLength(3);
  });

  it('ends the whole when nobody is left', { timeout: 120_000 }, async ({ expect, onTestFinished }) => {
    const { shim, start } = await proxyBehindShim(onTestFinished, '');
    const proxy = start('--workers', '1');
    await proxy.listening(1);
    shim.fail('C_Login', { returns: 0xa0 }, -1);
    const [{ pid } = {}] = proxy.events('worker-started');
    process.kill(Number(pid), 'SIGKILL');
    await expect(proxy.exit).resolves.toBe(4);
    expect(shim.hits('C_Login')).toBe(1);
  });
});

/** A proxy that is not started yet, put away when the test is over. */
async function proxyBehindShim(
  onTestFinished: TestContext['onTestFinished'],
  settings: string,
  change: (toml: string) => string = (toml) => toml,
) {
  const files = await writeTestConfig();
  const shim: Shim = createShim(/module = "(.*)"/.exec(files.toml)?.[1] ?? '');
  const row = `module = ${JSON.stringify(shim.modulePath)}\n${settings}`;
  writeFileSync(files.configFile, change(files.toml.replace(/module = ".*"\n/, row)));
  onTestFinished(() => {
    shim.dispose();
    files.dispose();
  });
  const start = (...options: string[]) => {
    const environment = { ...files.environment, ...shim.environment };
    const proxy = startServeProcess({ ...files, environment }, ...options);
    onTestFinished(async () => {
      shim.heal();
      proxy.kill('SIGTERM');
      await proxy.exit;
    });
    return proxy;
  };
  return { shim, start };
}
