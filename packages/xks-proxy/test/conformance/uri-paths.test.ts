import { expect, it, onTestFinished } from 'vitest';
import { uriPathChecks } from '../../src/conformance/checks/uri-paths.ts';
import { xksClient } from '../../src/conformance/client.ts';
import { REGION, startTestProxy } from '../fixtures/proxy.ts';

it('asks for no URI that is longer than the specification allows, behind the longest prefix neither', async () => {
  const prefix = `/${'p'.repeat(116)}`;
  const proxy = await startTestProxy((toml) =>
    toml.replace('path_prefix = "/acme"', `path_prefix = "${prefix}"`),
  );
  onTestFinished(() => proxy.close());
  const client = xksClient({
    host: proxy.host,
    address: { host: '127.0.0.1', port: proxy.port, servername: 'localhost' },
    certificateAuthority: proxy.ca,
    uriPath: `${prefix}/kms/xks/v1`,
    region: REGION,
    credential: proxy.credentials.acme,
    keys: { enabled: 'orders', unknown: 'nothing' },
    enabledKeyValue: undefined,
  });
  onTestFinished(() => client.close());
  for (const { run } of uriPathChecks) await expect(run(client)).resolves.toBeUndefined();
});
