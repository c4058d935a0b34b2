import { writeFileSync } from 'node:fs';
import { createShim, hasCompiler, type Shim } from '@holdfast/testbed/shim';
import { expect, it, onTestFinished } from 'vitest';
import { writeTestConfig } from '../../packages/xks-proxy/test/fixtures/proxy.ts';
import {
  type ServeProcess,
  startServeProcess,
} from '../../packages/xks-proxy/test/fixtures/serve-process.ts';
import { onTwoTokens } from './fixture.ts';

it.skipIf(!hasCompiler())(
  'a process with one token that hangs in all its threads goes on with the other',
  async () => {
    const { proxy, shim } = await start(
      (toml, faulty) => `${onTwoTokens(toml, faulty, '["faulty"]')}\n[admin]\nport = 0\n`,
      '--workers',
      '1',
    );
    await proxy.listening(1);
    await expect(proxy.encrypt()).resolves.toMatchObject({ status: 200 });

    shim.fail('C_EncryptInit', 'hang', -1);
    const useBoth = async () => {
      await expect(proxy.encrypt()).resolves.not.toMatchObject({ status: 200 });
      await expect(proxy.encryptForOther()).resolves.toMatchObject({ status: 200 });
    };
    while ((await openSessions(proxy)) > 0) await useBoth();
    // It looks every second whether another process would do better.
    const stuckAt = performance.now();
    while (performance.now() - stuckAt < 3_000) await useBoth();
    expect(proxy.events('worker-exited')).toEqual([]);
    shim.heal();
    await expect.poll(async () => (await proxy.encrypt()).status, { timeout: 10_000 }).toBe(200);
  },
  90_000,
);

it.skipIf(!hasCompiler())(
  'a proxy whose module hangs in all its threads is replaced by another process, which serves when it is well',
  async () => {
    const { proxy, shim } = await start(inThreads, '--workers', '1');
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

it.skipIf(!hasCompiler())(
  'a proxy without a supervisor ends when its module hangs in all its threads, for whoever started it to do so again',
  async () => {
    const { proxy, shim } = await start(inThreads);
    await proxy.listening(1);
    shim.fail('C_EncryptInit', 'hang', -1);
    const told = async () => {
      await proxy.encrypt().catch(() => undefined);
      return proxy.errors();
    };
    await expect.poll(told, { timeout: 40_000 }).toContain('all tokens hang');
    await expect(proxy.exit).resolves.not.toBe(0);
  },
  90_000,
);

it.skipIf(!hasCompiler())(
  'a proxy with as many calls that never return as libuv has threads is replaced by another process',
  async () => {
    const { proxy, shim } = await start(
      (toml, { modulePath }) =>
        toml
          .replace(/module = ".*"\n/, `module = "${modulePath}"\ncalls = "threadpool"\n`)
          .concat('[audit]\ndirectory = "audit"\n'),
      '--workers',
      '1',
    );
    await proxy.listening(1);
    await expect(proxy.encrypt()).resolves.toMatchObject({ status: 200 });

    shim.fail('C_Encrypt', 'hang', 4);
    const replaced = async () => {
      await proxy.encrypt().catch(() => undefined);
      return proxy.events('worker-exited').length;
    };
    await expect.poll(replaced, { timeout: 40_000 }).toBe(1);
    await proxy.listening(2);
    await expect(proxy.encrypt()).resolves.toMatchObject({ status: 200 });
    expect(proxy.events('worker-stuck')).toEqual([]);
  },
  90_000,
);

/** How many threads the token behind the shim has that do not hang, as the metrics tell. */
async function openSessions({ events }: ServeProcess): Promise<number> {
  const [{ adminPort } = {}] = events('listening');
  const text = await (await fetch(`http://127.0.0.1:${String(adminPort)}/metrics`)).text();
  const [, open] = /^holdfast_xks_token_sessions\{token="faulty",state="open"\} (\d+)$/m.exec(text) ?? [];
  return Number(open ?? expect.unreachable(text));
}

/** All calls of the token go through the shim, each in a thread. */
const inThreads = (toml: string, { modulePath }: Shim) =>
  toml.replace(/module = ".*"\n/, `module = "${modulePath}"\ncalls = "worker"\nmax_sessions = 2\n`);

/** A proxy in processes of its own, put away when the test is over. */
async function start(change: (toml: string, shim: Shim) => string, ...options: readonly string[]) {
  const files = await writeTestConfig();
  const shim = createShim(/module = "(.*)"/.exec(files.toml)?.[1] ?? '');
  writeFileSync(files.configFile, change(files.toml, shim));
  const proxy = startServeProcess(files, ...options);
  onTestFinished(async () => {
    shim.heal();
    proxy.kill('SIGTERM');
    await proxy.exit;
    shim.dispose();
    files.dispose();
  });
  return { proxy, shim };
}
