import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, encryptBody } from '../fixtures/bodies.ts';
import { metadata, startTestProxy, type TestProxy } from '../fixtures/proxy.ts';

const POLICY = `
[stores.policy]
[[stores.policy.rules]]
name = "production-roles"
effect = "allow"
principals = ["arn:aws:iam::123456789012:*"]
[[stores.policy.rules]]
name = "never-through-S3"
effect = "deny"
via_services = ["s3.*.amazonaws.com"]
`;

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy((toml) =>
    toml.replace('secret_access_key_file = "acmeNext.secret"\n', (line) => line + POLICY),
  );
});
afterAll(() => proxy.close());

const encrypt = (more: Readonly<Record<string, unknown>>) =>
  proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody({ requestMetadata: metadata(more) }));
const deciding = () => proxy.logLines().findLast(({ event }) => event === 'request')?.['policyRule'];

describe('the policy of a store', () => {
  it('allows what a rule allows, and the log names the rule', async () => {
    await expect(encrypt({})).resolves.toMatchObject({ status: 200 });
    expect(deciding()).toBe('production-roles');
  });

  it('denies what a rule denies, and what no rule allows', async () => {
    const denied = { status: 403, json: { errorName: 'AccessDeniedException' } };
    await expect(encrypt({ kmsViaService: 's3.eu-north-1.amazonaws.com' })).resolves.toMatchObject(denied);
    expect(deciding()).toBe('never-through-S3');
    const stranger = { awsPrincipalArn: 'arn:aws:iam::999999999999:user/Mallory' };
    await expect(encrypt(stranger)).resolves.toMatchObject(denied);
    expect(deciding()).toBe('default');
  });

  it('has no say in health', async () => {
    const body = { requestMetadata: { kmsOperation: 'KmsHealthCheck', kmsRequestId: 'x' } };
    await expect(proxy.call(`${BASE}/health`, body)).resolves.toMatchObject({ status: 200 });
  });
});
