import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext, vi } from 'vitest';
import { writeTestConfig } from '../fixtures/proxy.ts';
import { startServeProcess } from '../fixtures/serve-process.ts';

/** A proxy with more text in its configuration; it ends with the test. */
async function start(onTestFinished: TestContext['onTestFinished'], more = '') {
  const files = await writeTestConfig();
  writeFileSync(files.configFile, `${files.toml}${more}`);
  const proxy = startServeProcess(files);
  onTestFinished(async () => {
    proxy.kill('SIGKILL');
    await proxy.exit;
    files.dispose();
  });
  return { files, proxy };
}

// Each test has a process of its own, and waits for it most of the time.
describe('a proxy that follows its files', { concurrent: true }, () => {
  it('serves what was refused as soon as the file with the mistake is corrected', async ({
    expect,
    onTestFinished,
  }) => {
    const { files, proxy } = await start(onTestFinished);
    await proxy.listening(1);
    const policyFile = join(files.directory, 'acme.policy.toml');
    writeFileSync(policyFile, 'no = "policy"');
    const named = (line: string) => `${line}policy_file = "acme.policy.toml"\n`;
    writeFileSync(files.configFile, files.toml.replace('path_prefix = "/acme"\n', named));
    await expect.poll(() => proxy.events('reload-refused').length).toBe(1);
    writeFileSync(policyFile, '');
    await expect.poll(() => proxy.events('reloaded').length).toBe(1);
  });
});

describe('a proxy that is still starting', { concurrent: true }, () => {
  /** A proxy that waits for a Redis server, for another second. */
  const begin = async (onTestFinished: TestContext['onTestFinished']) => {
    const quota = '[stores.quota]\nrequests_per_second = 1000\nshared = true\n';
    const others = '[redis]\nurl = "redis://127.0.0.1:1"\n[audit]\ndirectory = "audit"\n';
    const { files, proxy } = await start(onTestFinished, `${quota}${others}`);
    await vi.waitFor(() => expect(proxy.events('audit-head')).toHaveLength(1), { timeout: 20_000 });
    expect(proxy.events('listening')).toEqual([]);
    return { files, proxy };
  };

  it('follows SIGHUP right after it', async ({ expect, onTestFinished }) => {
    const { proxy } = await begin(onTestFinished);
    proxy.kill('SIGHUP');
    await proxy.listening(1);
    await expect.poll(() => proxy.events('reloaded').length).toBe(1);
  });

  it('follows a change of its files right after it: a secret that was replaced meanwhile is none', async ({
    expect,
    onTestFinished,
  }) => {
    const { files, proxy } = await begin(onTestFinished);
    writeFileSync(join(files.directory, 'acme.secret'), `${files.credentials.other.secretAccessKey}\n`);
    await proxy.listening(1);
    await expect.poll(() => proxy.events('reloaded').length).toBe(1);
    await expect(proxy.encrypt()).resolves.toMatchObject({ status: 401 });
  });
});
