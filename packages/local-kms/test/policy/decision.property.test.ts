import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Grant } from '../../src/keys/grants.ts';
import type { Caller } from '../../src/policy/caller.ts';
import { decide } from '../../src/policy/decision.ts';
import { identityPolicy, keyPolicy } from '../../src/policy/document.ts';
import { present } from '../fixtures/kms.ts';
import {
  type Document,
  naivelyAllowed,
  type Scenario,
  type StatementJson,
} from '../fixtures/naive-evaluator.ts';

const [OWNER, OTHER] = ['111122223333', '444455556666'];
const RESOURCE = `arn:aws:kms:eu-north-1:${OWNER}:key/aaaaaaaa-0000-4000-8000-000000000000`;
const NOW = new Date('2026-06-01T12:00:00Z');
const DELAY_MS = 60_000;

const user = (account: string, name: string): Omit<Caller, 'policies'> => {
  const arn = `arn:aws:iam::${account}:user/${name}`;
  return { kind: 'user', arn, principalArn: arn, accountId: account, userName: name, tags: new Map() };
};
const root = (accountId: string): Omit<Caller, 'policies'> => {
  const arn = `arn:aws:iam::${accountId}:root`;
  return { kind: 'root', arn, principalArn: arn, accountId, userName: undefined, tags: new Map() };
};
const CALLERS: readonly Omit<Caller, 'policies'>[] = [
  user(OWNER, 'alana'),
  user(OWNER, 'danny'),
  user(OTHER, 'carlos'),
  {
    ...user(OWNER, ''),
    kind: 'session',
    arn: `arn:aws:sts::${OWNER}:assumed-role/app/one`,
    principalArn: `arn:aws:iam::${OWNER}:role/app`,
    userName: undefined,
  },
  root(OWNER),
  root(OTHER),
];

const few = <Value>(...values: readonly Value[]) =>
  fc.subarray([...values], { minLength: 1, maxLength: Math.min(values.length, 3) });
const oneOrList = (...values: readonly string[]) => fc.oneof(fc.constantFrom(...values), few(...values));

const principalNames = oneOrList(
  '*',
  OWNER,
  `arn:aws:iam::${OWNER}:root`,
  `arn:aws:iam::${OTHER}:root`,
  ...CALLERS.flatMap(({ arn, principalArn }) => [arn, principalArn]),
);
const actionNames = oneOrList(
  '*',
  'kms:*',
  'kms:Encrypt',
  'KMS:decrypt',
  'kms:De*',
  'kms:?ncrypt',
  'kms:Create*',
);
const resourceNames = oneOrList(
  '*',
  RESOURCE,
  'arn:aws:kms:*:111122223333:key/*',
  'arn:aws:kms:eu-north-1:*:key/a*',
  'arn:aws:kms:us-*:*:key/*',
  'arn:aws:kms:*:*:key/${aws:username}*',
);

const texts = ['orders', 'Orders', 'ord*', 'o?ders', '${aws:username}', 'a${*}b', 'a*b', '${kms:absent}'];
const TEXT_KEYS = ['kms:EncryptionContext:team', 'AWS:username', 'kms:GrantOperations', 'kms:absent'];
const prefixed = (names: readonly string[]) =>
  fc
    .tuple(
      fc.constantFrom('', '', 'ForAnyValue:', 'ForAllValues:'),
      fc.constantFrom(...names),
      fc.constantFrom('', '', 'IfExists'),
    )
    .map((parts) => parts.join(''));
const comparisons = (kind: string) =>
  ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'].map(
    (relation) => `${kind}${relation}`,
  );
const conditionOf = (operators: fc.Arbitrary<string>, keys: readonly string[], values: readonly string[]) =>
  fc
    .tuple(operators, fc.constantFrom(...keys), oneOrList(...values))
    .map(([operator, key, value]) => ({ [operator]: { [key]: value } }));
const condition = fc.oneof(
  conditionOf(
    prefixed([
      'StringEquals',
      'StringNotEquals',
      'StringEqualsIgnoreCase',
      'StringNotEqualsIgnoreCase',
      'StringLike',
      'StringNotLike',
    ]),
    TEXT_KEYS,
    texts,
  ),
  conditionOf(
    prefixed(comparisons('Numeric')),
    ['kms:RotationPeriodInDays', 'kms:absent'],
    ['90', '180', '365'],
  ),
  conditionOf(
    prefixed(comparisons('Date')),
    ['aws:CurrentTime'],
    ['2026-06-01T12:00:00Z', '2027-01-01T00:00:00Z'],
  ),
  conditionOf(
    prefixed(['IpAddress', 'NotIpAddress']),
    ['aws:SourceIp'],
    ['10.0.0.0/8', '10.1.2.3', '0.0.0.0/0'],
  ),
  conditionOf(prefixed(['Bool']), ['aws:SecureTransport'], ['true', 'False']),
  conditionOf(
    prefixed(['ArnLike', 'ArnNotLike', 'ArnEquals', 'ArnNotEquals']),
    ['aws:PrincipalArn'],
    ['arn:aws:iam::*:user/*', 'arn:aws:iam::111122223333:role/app', 'arn:*:root', '*'],
  ),
  conditionOf(fc.constant('Null'), [...TEXT_KEYS, 'aws:SourceIp'], ['true', 'false']),
);

const body = fc
  .tuple(
    fc.constantFrom('Allow', 'Allow', 'Deny'),
    fc.oneof(
      { weight: 4, arbitrary: actionNames.map((Action) => ({ Action })) },
      { weight: 1, arbitrary: actionNames.map((NotAction) => ({ NotAction })) },
    ),
    fc.oneof(
      { weight: 4, arbitrary: resourceNames.map((Resource) => ({ Resource })) },
      { weight: 1, arbitrary: resourceNames.map((NotResource) => ({ NotResource })) },
    ),
    fc.array(condition, { maxLength: 2 }),
  )
  .map(([Effect, action, resource, conditions]): StatementJson => {
    const Condition = conditions.reduce((all, one) => ({ ...all, ...one }), {});
    return { Effect, ...action, ...resource, ...(conditions.length > 0 && { Condition }) };
  });
const keyStatement = fc
  .tuple(
    body,
    fc.oneof(
      { weight: 5, arbitrary: principalNames.map((AWS) => ({ Principal: { AWS } })) },
      { weight: 1, arbitrary: principalNames.map((AWS) => ({ NotPrincipal: { AWS } })) },
      { weight: 1, arbitrary: fc.constant({ Principal: '*' }) },
    ),
    fc.constantFrom('none', 'none', 'none', 'none', 'Action', 'Resource'),
  )
  .map(([statement, principal, missing]): StatementJson => {
    const { Action, NotAction, Resource, NotResource, ...others } = statement;
    return {
      ...others,
      ...principal,
      ...(missing !== 'Action' && { ...(Action && { Action }), ...(NotAction && { NotAction }) }),
      ...(missing !== 'Resource' && { ...(Resource && { Resource }), ...(NotResource && { NotResource }) }),
    };
  });
const documentOf = (statement: fc.Arbitrary<StatementJson>) =>
  fc.record({
    Version: fc.constantFrom('2012-10-17', '2012-10-17', '2008-10-17'),
    Statement: fc.array(statement, { minLength: 1, maxLength: 4 }),
  });
const context = fc.constantFrom<Readonly<Record<string, string>>[]>(
  {},
  { team: 'orders' },
  { Team: 'orders', a: 'b' },
);
const grant = fc.record(
  {
    grantee: fc.constantFrom(...CALLERS.map(({ principalArn }) => principalArn)),
    operations: few('Encrypt', 'Decrypt', 'DescribeKey'),
    equals: context,
    subset: context,
    sourceArn: fc.constant('arn:aws:s3:::bucket-of-the-tests'),
    isVisible: fc.boolean(),
  },
  { requiredKeys: ['grantee', 'operations', 'isVisible'] },
);

const scenario = fc
  .record({
    caller: fc.constantFrom(...CALLERS),
    keyPolicy: documentOf(keyStatement),
    identityPolicies: fc.array(documentOf(body), { maxLength: 2 }),
    action: fc.constantFrom('kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey', 'kms:PutKeyPolicy'),
    context,
    grants: fc.array(grant, { maxLength: 2 }),
    keys: fc.record(
      {
        'aws:sourceip': fc.constantFrom(['10.1.2.3'], ['192.168.0.9']),
        'kms:grantoperations': few('orders', 'Decrypt', 'ord*'),
        'kms:encryptioncontext:team': few('orders', 'Orders', 'a*b', '${kms:absent}'),
        'kms:rotationperiodindays': fc.constantFrom(['90'], ['200']),
        'aws:securetransport': fc.constantFrom(['true'], ['false']),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ caller, keys, identityPolicies, ...others }) => ({
    caller: { ...caller, identityPolicies: caller.kind === 'root' ? [] : identityPolicies },
    keys: {
      ...keys,
      'aws:principalarn': [caller.principalArn],
      'aws:currenttime': [NOW.toISOString()],
      ...(caller.userName !== undefined && { 'aws:username': [caller.userName] }),
    },
    ...others,
  }));

interface Generated extends Omit<Scenario, 'caller' | 'identityPolicies' | 'resource' | 'owner'> {
  readonly caller: Omit<Caller, 'policies'> & { readonly identityPolicies: readonly Document[] };
}

function decidedByUs(generated: Generated): boolean {
  const { caller, keyPolicy: document, action, keys, context, grants } = generated;
  const values = new Map<string, readonly string[] | undefined>(Object.entries(keys));
  return decide({
    caller: {
      ...caller,
      policies: caller.identityPolicies.map((one) => present(identityPolicy('identity', one))),
    },
    action,
    resource: RESOURCE,
    accountId: OWNER,
    key: { policy: present(keyPolicy(document)), grants: () => grants.map(grantOf) },
    keys: (name) => values.get(name),
    members: { EncryptionContext: context },
    tokenGrantIds: new Set(),
    now: NOW,
    grantDelayMs: DELAY_MS,
  }).allowed;
}

function grantOf(
  { grantee, operations, equals, subset, sourceArn, isVisible }: Scenario['grants'][number],
  index: number,
): Grant {
  return {
    id: String(index),
    keyId: 'key',
    createdAt: new Date(NOW.getTime() - (isVisible ? DELAY_MS : DELAY_MS - 1)),
    name: undefined,
    granteePrincipal: grantee,
    retiringPrincipal: undefined,
    operations,
    constraints: { EncryptionContextEquals: equals, EncryptionContextSubset: subset, SourceArn: sourceArn },
  };
}

function decidedNaively({ caller, ...generated }: Generated): boolean {
  const { accountId, arn, principalArn, kind, identityPolicies } = caller;
  return naivelyAllowed({
    ...generated,
    identityPolicies,
    caller: { account: accountId, names: [arn, principalArn], isRoot: kind === 'root' },
    resource: RESOURCE,
    owner: OWNER,
  });
}

test('10,000 random sets of policies and grants are decided as a second evaluator decides them', () => {
  const counts = { allowed: 0, denied: 0 };
  fc.assert(
    fc.property(scenario, (generated) => {
      const allowed = decidedByUs(generated);
      counts[allowed ? 'allowed' : 'denied'] += 1;
      return allowed === decidedNaively(generated);
    }),
    { numRuns: 10_000 },
  );
  expect(Math.min(counts.allowed, counts.denied)).toBeGreaterThan(500);
}, 180_000);
