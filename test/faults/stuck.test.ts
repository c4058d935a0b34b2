import { writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { writeTestConfig } from '../../packages/xks-proxy/test/fixtures/proxy.ts';
import { startServeProcess } from '../../packages/xks-proxy/test/fixtures/serve-process.ts';
import { createShim, hasCompiler } from './shim.ts';

it.skipIf(!hasCompiler())(
  'a proxy whose module hangs in all its threads is replaced by another process, which serves when it is well',
  async () => {
    const files = await writeTestConfig();
    const shim = createShim(/module = "(.*)"/.exec(files.toml)?.[1] ?? '');
    const toml = files.toml.replace(
      /module = ".*"\n/,
      `module = "${shim.modulePath}"\ncalls = "worker"\nmax_sessions = 2\n`,
    );
    writeFileSync(files.configFile, toml);
    const proxy = startServeProcess(files, '--workers', '1');
    onTestFinished(async () => {
      shim.heal();
      proxy.kill('SIGTERM');
      await proxy.exit;
      shim.dispose();
      files.dispose();
    });
    await proxy.listening(1);
    await expect(proxy.encrypt()).resolves.toMatchObject({ status: 200 });

    shim.fail('C_EncryptInit', 'hang', -1);
    const replaced = async () => {
      // While there is nobody to take it, a request fails.
      await proxy.encrypt().catch(() => undefined);
      return proxy.events('worker-exited').length;
    };
    await expect.poll(replaced, { timeout: 40_000 }).toBe(1);
    shim.heal();
    await proxy.listening(2);
    await expect(proxy.encrypt()).resolves.toMatchObject({ status: 200 });
    expect(proxy.events('worker-stuck')).toEqual([]);
  },
  90_000,
);
