import { fileURLToPath } from 'node:url';
import { findModule } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type XksClient, xksClient } from './client.ts';
import { createProxySetting, type ProxySetting, type RunningProxy } from './proxy-under-test.ts';
import { conformanceChecks } from './suite.ts';

const sources = fileURLToPath(new URL('../../packages/xks-proxy/src', import.meta.url));
const missing = findModule() === undefined;
const reason = missing ? ' (no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE)' : '';

describe.skipIf(missing)(`the XKS proxy${reason}`, () => {
  let setting: ProxySetting | undefined;
  let proxy: RunningProxy | undefined;
  let client: XksClient | undefined;
  beforeAll(async () => {
    setting = createProxySetting();
    proxy = await setting.start(sources);
    client = xksClient(proxy.target);
  });
  afterAll(async () => {
    client?.close();
    await proxy?.stop();
    setting?.dispose();
  });

  it.each(conformanceChecks)('$section ($level): $name', async ({ run }) => {
    if (client === undefined) throw new Error('the proxy did not start');
    await expect(run(client)).resolves.toBeUndefined();
  });

  it('has a name of its own for every check', () => {
    const names = conformanceChecks.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
