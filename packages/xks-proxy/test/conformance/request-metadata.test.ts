import { expect, it, onTestFinished } from 'vitest';
import { requestMetadataChecks } from '../../src/conformance/checks/request-metadata.ts';
import { xksClient } from '../../src/conformance/client.ts';
import { NotRun } from '../../src/conformance/target.ts';
import { targetOf } from '../fixtures/conformance-target.ts';
import { startTestProxy } from '../fixtures/proxy.ts';

const ARNS = 'takes ARNs of 2048 characters';
const SERVICES = 'takes a service for the principal, and the VPC fields';

it.each([
  ['principals = ["arn:aws:iam::123456789012:user/*"]', [SERVICES]],
  ['key_arns = ["*/1234abcd-12ab-34cd-56ef-1234567890ab"]', []],
  ['principals = ["AWS Internal", "*:user/*"]', []],
])('says nothing about what a policy denies altogether: %s', async (condition, expected) => {
  const rule = `{ name = "mine", effect = "allow", ${condition} }`;
  const proxy = await startTestProxy((toml) =>
    toml.replace('path_prefix = "/acme"', `path_prefix = "/acme"\npolicy = { rules = [${rule}] }`),
  );
  onTestFinished(() => proxy.close());
  const client = xksClient(targetOf(proxy));
  onTestFinished(() => client.close());
  const notRun: string[] = [];
  for (const { name, run } of requestMetadataChecks.filter((check) =>
    [ARNS, SERVICES].includes(check.name),
  )) {
    await run(client).catch((error: unknown) => {
      expect(error).toBeInstanceOf(NotRun);
      notRun.push(name);
    });
  }
  expect(notRun).toEqual(expected);
});
