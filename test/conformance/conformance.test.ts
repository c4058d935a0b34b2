import { findModule } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type XksClient, xksClient } from '../../packages/xks-proxy/src/conformance/client.ts';
import { conformanceChecks } from '../../packages/xks-proxy/src/conformance/suite.ts';
import { createProxySetting, type ProxySetting } from './proxy-under-test.ts';

const missing = findModule() === undefined;
const reason = missing ? ' (no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE)' : '';

describe.skipIf(missing)(`the XKS proxy${reason}`, () => {
  let setting: ProxySetting | undefined;
  let proxy: Awaited<ReturnType<ProxySetting['start']>> | undefined;
  let client: XksClient | undefined;
  beforeAll(async () => {
    setting = await createProxySetting();
    proxy = await setting.start();
    client = xksClient(proxy.target);
  });
  afterAll(async () => {
    client?.close();
    await proxy?.stop();
    setting?.dispose();
  });

  const titled = conformanceChecks.map(
    ({ section, level, name, run }) => [`${section} (${level}): ${name}`, run] as const,
  );
  it.each(titled)('%s', async (_title, run) => {
    if (client === undefined) throw new Error('the proxy did not start');
    await expect(run(client)).resolves.toBeUndefined();
  });
});
