// Prints how many microseconds of processor time a decision took, of 25 rounds, as JSON.
import { conditionKeys } from '../../packages/local-kms/src/policy/condition-keys.ts';
import { decide } from '../../packages/local-kms/src/policy/decision.ts';
import { identityPolicy, keyPolicy } from '../../packages/local-kms/src/policy/document.ts';
import type { ConditionKeys } from '../../packages/local-kms/src/policy/pattern.ts';

const ACCOUNT = '111122223333';
const NAMES = ['alana', 'danny', 'carlos', 'jorge'];
const RESOURCE = `arn:aws:kms:eu-north-1:${ACCOUNT}:key/aaaaaaaa-0000-4000-8000-000000000000`;
const MEMBERS = { EncryptionContext: { team: 'a' } };
const NO_TOKENS: ReadonlySet<string> = new Set();

const user = (name: string) => `arn:aws:iam::${ACCOUNT}:user/${name}`;

const ofKey = keyPolicy({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
      Action: 'kms:*',
      Resource: '*',
    },
    { Effect: 'Deny', Principal: { AWS: user('carlos') }, Action: 'kms:*', Resource: '*' },
    {
      Effect: 'Allow',
      Principal: { AWS: user('danny') },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      Resource: '*',
    },
  ],
});
const ofUsers = identityPolicy('own', {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['kms:Encrypt', 'kms:Decrypt'],
      Resource: `arn:aws:kms:*:${ACCOUNT}:key/*`,
      Condition: {
        StringEquals: { 'kms:EncryptionContext:team': ['a', 'b'] },
        IpAddress: { 'aws:SourceIp': '127.0.0.0/8' },
      },
    },
    {
      Effect: 'Deny',
      Action: 'kms:*',
      Resource: '*',
      Condition: { DateGreaterThan: { 'aws:CurrentTime': '2100-01-01T00:00:00Z' } },
    },
  ],
});
if (!ofKey || !ofUsers) throw new TypeError('policies: expected policy documents');
const policy = ofKey;
const policies = [ofUsers];
const CALLERS = NAMES.map((name) => ({
  kind: 'user' as const,
  arn: user(name),
  principalArn: user(name),
  accountId: ACCOUNT,
  userName: name,
  tags: new Map<string, string>(),
  policies,
}));

function decideFor(index: number): boolean {
  const caller = CALLERS[index % CALLERS.length];
  if (!caller) throw new TypeError('index: expected a whole number');
  const [action, accountId, members, now] = ['kms:Encrypt', ACCOUNT, MEMBERS, new Date()];
  const keys: ConditionKeys = conditionKeys({
    caller,
    action,
    accountId,
    members,
    now,
    key: undefined,
    aliases: () => [],
    unusedSince: undefined,
    region: 'eu-north-1',
    sourceIp: '127.0.0.1',
    userAgent: undefined,
  });
  return decide({
    caller,
    action,
    accountId,
    members,
    now,
    resource: RESOURCE,
    key: { policy, grants: () => [] },
    keys,
    tokenGrantIds: NO_TOKENS,
    grantDelayMs: 0,
  }).allowed;
}

const [WARM_UP, ROUNDS, DECISIONS] = [50_000, 25, 10_000];
for (let i = 0; i < WARM_UP; i += 1) decideFor(i);
const rounds = Array.from({ length: ROUNDS }, () => {
  const before = process.cpuUsage();
  for (let i = 0; i < DECISIONS; i += 1) decideFor(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / DECISIONS;
}).sort((a, b) => a - b);
process.stdout.write(JSON.stringify(rounds));
