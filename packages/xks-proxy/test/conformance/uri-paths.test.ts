import { expect, it, onTestFinished } from 'vitest';
import { uriPathChecks } from '../../src/conformance/checks/uri-paths.ts';
import { xksClient } from '../../src/conformance/client.ts';
import { targetOf } from '../fixtures/conformance-target.ts';
import { startTestProxy } from '../fixtures/proxy.ts';

it('asks for no URI that is longer than the specification allows, behind the longest prefix neither', async () => {
  const prefix = `/${'p'.repeat(116)}`;
  const proxy = await startTestProxy((toml) =>
    toml.replace('path_prefix = "/acme"', `path_prefix = "${prefix}"`),
  );
  onTestFinished(() => proxy.close());
  const client = xksClient(targetOf(proxy, { uriPath: `${prefix}/kms/xks/v1` }));
  onTestFinished(() => client.close());
  for (const { run } of uriPathChecks) await expect(run(client)).resolves.toBeUndefined();
});
