import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cedarPolicy } from '../../src/policy/cedar.ts';
import type { PolicyRequest } from '../../src/policy/policy.ts';
import { BASE, encryptBody } from '../fixtures/bodies.ts';
import { temporaryFolder } from '../fixtures/folder.ts';
import { metadata, startTestProxy } from '../fixtures/proxy.ts';

const alice = {
  awsPrincipalArn: 'arn:aws:iam::111122223333:user/Alice',
  kmsOperation: 'Decrypt',
  kmsKeyArn: 'arn:aws:kms:eu-north-1:111122223333:key/1',
};
const request = { metadata: alice, externalKeyId: 'orders', now: new Date('2026-11-20T12:00:00Z') };
const decide = (text: string, more: Partial<PolicyRequest> = {}) => {
  const result = cedarPolicy(text);
  return 'policy' in result ? result.policy.decide({ ...request, ...more }) : expect.unreachable();
};
const problems = (text: string) => {
  const result = cedarPolicy(text);
  return 'problems' in result ? result.problems : [];
};

const OPERATIONS = [
  'CreateKey',
  'Decrypt',
  'DescribeKey',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncrypt',
];

describe('a Cedar policy', () => {
  it('denies what nothing permits, and what something forbids, and names what decided', () => {
    expect(decide('')).toEqual({ isAllowed: false, rule: 'default' });
    const text =
      '@id("all") permit(principal, action, resource); forbid(principal, action == Action::"Encrypt", resource);';
    expect(decide(text)).toEqual({ isAllowed: true, rule: 'all' });
    const metadata = { ...alice, kmsOperation: 'Encrypt' };
    expect(decide(text, { metadata })).toEqual({ isAllowed: false, rule: 'policy1' });
  });

  it('knows principal, action, resource, and all that KMS tells besides', () => {
    const metadata = {
      ...alice,
      kmsViaService: 's3.eu-north-1.amazonaws.com',
      awsSourceVpc: 'vpc-1',
      awsSourceVpce: 'vpce-1',
    };
    const permits = (condition: string) =>
      decide(`permit(principal, action, resource) when { ${condition} };`, { metadata }).isAllowed;
    expect(permits('principal == Principal::"arn:aws:iam::111122223333:user/Alice"')).toBe(true);
    expect(permits('action == Action::"Decrypt" && resource == Key::"orders"')).toBe(true);
    expect(permits('resource == Key::"parcels"')).toBe(false);
    expect(permits('context.account == "111122223333" && context.kmsKeyArn like "arn:aws:kms:*"')).toBe(true);
    expect(permits('context.viaService like "s3.*" && context.sourceVpc == "vpc-1"')).toBe(true);
    expect(permits('context.sourceVpce == "vpce-1"')).toBe(true);
    expect(permits('context.now < datetime("2026-11-20T12:00:01Z")')).toBe(true);
    expect(permits('context.now > datetime("2026-11-20T12:00:00Z")')).toBe(false);
  });

  it('denies when a policy cannot be evaluated, also one that would only forbid', () => {
    const text = `permit(principal, action, resource);
      forbid(principal, action, resource) when { context.viaService like "s3.*" };`;
    expect(decide(text)).toEqual({ isAllowed: false, rule: 'undecided' });
    expect(
      decide(text.replace('{ context.viaService', '{ context has viaService && context.viaService')),
    ).toEqual({
      isAllowed: true,
      rule: 'policy0',
    });
  });

  it('is named by its place, however many there are', () => {
    const text = Array.from(
      { length: 14 },
      (_, place) => `permit(principal, action == Action::"Operation${place}", resource);`,
    ).join('\n');
    for (let place = 0; place < 14; place += 1) {
      const metadata = { ...alice, kmsOperation: `Operation${place}` };
      expect(decide(text, { metadata })).toEqual({ isAllowed: true, rule: `policy${place}` });
    }
  });

  it('may have values and annotations with the names of what it may not ask for', () => {
    const text = `@id("a") @type("User") permit(principal, action, resource)
      when { { type: "User", id: "1", Var: "context" } has type && ["User", "context"].contains("User") };`;
    expect(decide(text)).toEqual({ isAllowed: true, rule: 'a' });
  });

  it('may list many principals and networks, and decides as if they were few', () => {
    const principals = Array.from({ length: 200 }, (_, user) => `principal == Principal::"user/${user}"`);
    const networks = Array.from(
      { length: 200 },
      (_, network) => `!(context has sourceVpc && context.sourceVpc == "vpc-${network}")`,
    );
    const text = `permit(principal, action, resource)
      when { ${principals.join(' || ')} } unless { !(${networks.join(' && ')}) };`;
    const isAllowed = (user: number, network = 200) => {
      const facts = { awsPrincipalArn: `user/${user}`, awsSourceVpc: `vpc-${network}` };
      return decide(text, { metadata: { ...alice, ...facts } }).isAllowed;
    };
    expect([0, 77, 199, 200].map((user) => isAllowed(user))).toEqual([true, true, true, false]);
    expect([0, 77, 199, 200].map((network) => isAllowed(7, network))).toEqual([false, false, false, true]);
  });

  it('evaluates the operands of a chain from left to right', () => {
    const text = `permit(principal, action, resource) when {
      (context has account && (context has sourceVpc && (context.sourceVpc == "vpc-1" && true))) ||
      ((context.account == "111122223333" || context.sourceVpce == "vpce-1") || context.viaService == "s3") };`;
    expect(decide(text)).toEqual({ isAllowed: true, rule: 'policy0' });
  });

  it('is told by its name when it is nested too deeply', () => {
    const condition = `context${'.account'.repeat(70)} == "1"`;
    const text = `permit(principal, action, resource); @id("b") permit(principal, action, resource)`;
    expect(problems(`${text} when { ${condition} };`)).toEqual([expect.stringMatching(/^b \(policy1\): /)]);
  });

  it.each([
    ['brackets', `${'('.repeat(200)}true${')'.repeat(200)}`],
    ['operands', Array.from({ length: 2000 }, () => 'principal == principal').join(' || ')],
    ['conditions', `${'if true then false else '.repeat(2000)}true`],
  ])(
    'with more %s than Cedar can read is told by its place, and others still decide',
    (_title, condition) => {
      const all = 'permit(principal, action, resource)';
      expect(problems(`${all}; ${all} when { ${condition} };`)).toEqual([
        expect.stringMatching(/^policy1: /),
      ]);
      expect(decide(`${all};`)).toEqual({ isAllowed: true, rule: 'policy0' });
    },
  );

  it('denies a request with a text that is no Unicode', () => {
    const metadata = { ...alice, awsPrincipalArn: 'arn:aws:iam::111122223333:user/\ud800' };
    const text = 'permit(principal, action, resource);';
    expect(decide(text, { metadata })).toEqual({ isAllowed: false, rule: 'undecided' });
  });

  it.each([
    'context.account == "1"',
    '!(context has viaService) || context["viaService"] like "s3.*"',
    'if context has account then ["1", "2"].contains(context.account) else false',
    '!(context has now) || context.now.toTime() >= duration("22h")',
    'principal in Principal::"AWS Internal" || principal != Principal::"AWS Internal"',
    'resource is Key in Key::"orders" && [Key::"orders", Key::"parcels"].contains(resource)',
    'action in [Action::"Decrypt", Action::"BulkDecrypt"] && ip("10.0.0.1").isInRange(ip("10.0.0.0/8"))',
    `!(action in [${OPERATIONS.map((name) => `Action::"${name}"`).join(', ')}])`,
  ])('may forbid when %s', (condition) => {
    expect(problems(`@note("Ключ key") forbid(principal, action, resource) when { ${condition} };`)).toEqual(
      [],
    );
  });

  it.each([
    'action == Action::"decrypt"',
    'action == Action::"GenerateDatakey"',
    'action == Action::"ReEncrypt*"',
    'resource == Key::"orders*"',
    'context has account && context.account == 111122223333',
    'context.now == "2026-11-20"',
    'principal.hasTag("blocked")',
    'Principal::"x" has env',
    '(if true then principal else principal) has blocked',
    'true || {"it": context}.it has vpc',
    '!(principal in Key::"orders")',
    'principal != Key::"orders"',
    'resource like "orders*"',
  ])('may not forbid when %s, or permit unless', (condition) => {
    const all = 'permit(principal, action, resource);';
    expect(problems(`${all} forbid(principal, action, resource) when { ${condition} };`)).toEqual([
      expect.stringMatching(/^policy1: /),
    ]);
    expect(problems(`${all} @id("b") permit(principal, action, resource) unless { ${condition} };`)).toEqual([
      expect.stringMatching(/^b \(policy1\): /),
    ]);
  });

  it('is read once, however often a configuration with the same text is', () => {
    const [first, second] = [1, 2].map(() => cedarPolicy('permit(principal, action, resource);'));
    expect(first).toHaveProperty('policy');
    expect(Object.values(second ?? {})[0]).toBe(Object.values(first ?? {})[0]);
  });

  it('is not shown where it could be a secret', () => {
    expect(problems('\n  987654')).toEqual([expect.stringMatching(/^line 2, column 3: (?!.*987654)/)]);
  });

  it.each([
    'permit(',
    'permit(principal == ?principal, action, resource);',
    '@id("a") permit(principal, action, resource); @id("a") forbid(principal, action, resource);',
    '@id("a b") permit(principal, action, resource);',
    '@id("default") permit(principal, action, resource);',
    '@id("undecided") permit(principal, action, resource);',
    '@id("policy1") permit(principal, action, resource); forbid(principal, action, resource);',
    'forbid(principal == User::"x", action, resource);',
    'forbid(principal, action, resource == key::"orders");',
    'forbid(principal, action, resource is Principal);',
    'forbid(principal, action == Action::"Encrypt", resource) when { action == Action::"Decrypt" };',
    'forbid(principal, action, resource) unless { context has now };',
    'forbid(principal, action, resource) when { principal == User::"x" };',
    'forbid(principal, action, resource) when { resource is Keys };',
    'forbid(principal, action, resource) when { context has awsSourceVpc };',
    'forbid(principal, action, resource) when { context["source vpc"] == "x" };',
    'permit(principal, action, resource) unless { context has account.id };',
    'permit(principal, action, resource) unless { (if action == Action::"a" then context else context) has vpc };',
    'permit(principal, action, resource) when { resource has owner || true };',
  ])('is not %j', (text) => {
    expect(problems(text)).toHaveLength(1);
  });

  it('decides for a store whose configuration names its file, and follows the file', async () => {
    const file = join(temporaryFolder(), 'acme.cedar');
    const change = (toml: string) =>
      toml.replace('regions =', () => `cedar_policy_file = ${JSON.stringify(file)}\nregions =`);
    writeFileSync(
      file,
      '@id("alice") permit(principal == Principal::"arn:aws:iam::123456789012:user/Alice", action, resource);',
    );
    const proxy = await startTestProxy(change);
    onTestFinished(() => proxy.close());
    const encrypt = (more = {}) =>
      proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody({ requestMetadata: metadata(more) }));
    const rule = () => proxy.logLines().findLast(({ event }) => event === 'request')?.['policyRule'];
    await expect(encrypt()).resolves.toMatchObject({ status: 200 });
    expect(rule()).toBe('alice');
    await expect(encrypt({ awsPrincipalArn: 'AWS Internal' })).resolves.toMatchObject({ status: 403 });
    expect(rule()).toBe('default');
    writeFileSync(file, 'permit(');
    await expect(proxy.reload(change)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(encrypt()).resolves.toMatchObject({ status: 200 });
    writeFileSync(file, 'forbid(principal, action, resource);');
    await proxy.reload(change);
    await expect(encrypt()).resolves.toMatchObject({ status: 403 });
    expect(rule()).toBe('policy0');
  });
});
