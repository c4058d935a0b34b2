import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeTestConfig } from '../fixtures/proxy.ts';
import { type ServeProcess, startServeProcess } from '../fixtures/serve-process.ts';

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

describe('a proxy that follows its files', () => {
  it('serves what was refused as soon as the file with the mistake is corrected', async () => {
    writeFileSync(files.configFile, files.toml);
    proxy = startServeProcess(files);
    await proxy.listening(1);
    const policyFile = join(files.directory, 'acme.policy.toml');
    writeFileSync(policyFile, 'no = "policy"');
    const named = (line: string) => `${line}policy_file = "acme.policy.toml"\n`;
    writeFileSync(files.configFile, files.toml.replace('path_prefix = "/acme"\n', named));
    await expect.poll(() => proxy.events('reload-refused').length, { timeout: 5_000 }).toBe(1);
    writeFileSync(policyFile, '');
    await expect.poll(() => proxy.events('reloaded').length, { timeout: 5_000 }).toBe(1);
  });
});

describe('a proxy that is still starting', () => {
  /** The next second goes by until it has given up waiting for a Redis server. */
  const begin = async () => {
    const quota = '[stores.quota]\nrequests_per_second = 1000\nshared = true\n';
    const others = '[redis]\nurl = "redis://127.0.0.1:1"\n[audit]\ndirectory = "audit"\n';
    writeFileSync(files.configFile, `${files.toml}${quota}${others}`);
    proxy = startServeProcess(files);
    await expect.poll(() => proxy.events('audit-head').length, { timeout: 20_000 }).toBe(1);
    expect(proxy.events('listening')).toEqual([]);
  };

  it('follows SIGHUP right after it', async () => {
    await begin();
    proxy.kill('SIGHUP');
    await proxy.listening(1);
    await expect.poll(() => proxy.events('reloaded').length, { timeout: 2_000 }).toBe(1);
  });

  it('follows a change of its files right after it: a secret that was replaced meanwhile is none', async () => {
    await begin();
    writeFileSync(join(files.directory, 'acme.secret'), `${files.credentials.other.secretAccessKey}\n`);
    await proxy.listening(1);
    await expect.poll(() => proxy.events('reloaded').length, { timeout: 5_000 }).toBe(1);
    await expect(proxy.encrypt()).resolves.toMatchObject({ status: 401 });
  });
});
