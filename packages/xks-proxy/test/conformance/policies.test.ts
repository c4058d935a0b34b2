import { findModule } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { getKeyMetadataChecks } from '../../src/conformance/checks/get-key-metadata.ts';
import { requestMetadataChecks } from '../../src/conformance/checks/request-metadata.ts';
import { uriPathChecks } from '../../src/conformance/checks/uri-paths.ts';
import { xksClient } from '../../src/conformance/client.ts';
import { NotRun } from '../../src/conformance/target.ts';
import { targetOf } from '../fixtures/conformance-target.ts';
import { startTestProxy, type TestProxy } from '../fixtures/proxy.ts';

const SERVICES = 'takes a service for the principal, and the VPC fields';
const LONG_IDS = 'takes key ids of 128 characters out of letters, digits, hyphen, period and underscore';
const UNKNOWN_KEYS = 'knows no key that it was not given';
const EARLIER_ARN = 'accepts the kmsKeyArn that earlier versions sent';
// The checks that a policy can affect; all others use the enabled key, as its caller.
const CHECKS = [...uriPathChecks, ...requestMetadataChecks, ...getKeyMetadataChecks].filter(
  ({ name }) => !/^tells (?:that|of) a key/.test(name),
);

describe.skipIf(findModule() === undefined)('the conformance suite before a proxy with a policy', () => {
  let proxy: TestProxy | undefined;
  beforeAll(async () => {
    proxy = await startTestProxy();
  });
  afterAll(() => proxy?.close());

  it.each([
    [['allow", principals = ["arn:aws:iam::123456789012:user/*"]'], [SERVICES]],
    [['allow", principals = ["AWS Internal", "*:user/*"]'], []],
    [['allow", operations = ["Encrypt", "Decrypt", "CreateKey"]'], []],
    [['allow", operations = ["CreateKey"]', 'allow", key_arns = ["*/1234abcd-12ab-34cd-56ef-*"]'], []],
    [['allow", operations = ["*"]', 'deny", operations = ["CreateKey"], key_arns = ["*"]'], [EARLIER_ARN]],
    [['allow", external_key_ids = ["orders"]'], [LONG_IDS, UNKNOWN_KEYS]],
  ])('fails nothing, and says nothing about what is denied altogether: %j', async (rules, expected) => {
    if (proxy === undefined) throw new Error('the proxy did not start');
    const texts = rules.map((rule, index) => `{ name = "rule${index}", effect = "${rule} }`);
    const policy = `policy = { rules = [${texts.join(', ')}] }`;
    await proxy.reload((toml) => toml.replace('path_prefix = "/acme"', `path_prefix = "/acme"\n${policy}`));
    const client = xksClient(targetOf(proxy));
    onTestFinished(() => client.close());
    const notRun: string[] = [];
    for (const { name, run } of CHECKS) {
      await run(client).catch((error: unknown) => {
        expect(error).toBeInstanceOf(NotRun);
        notRun.push(name);
      });
    }
    expect(notRun).toEqual(expected);
  });
});
