import { type ConditionKeys, conditionKeys } from '../packages/local-kms/src/policy/condition-keys.ts';
import { decide } from '../packages/local-kms/src/policy/decision.ts';
import { identityPolicy, keyPolicy } from '../packages/local-kms/src/policy/document.ts';

/** What a decision of the local KMS costs, by a key policy of three statements and an identity policy with conditions. */
export async function benchPolicies(): Promise<void> {
  for (let i = 0; i < WARM_UP; i += 1) decideFor(i);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    for (let i = 0; i < DECISIONS; i += 1) decideFor(i);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / DECISIONS;
  }).sort((a, b) => a - b);
  const median = rounds[Math.floor(ROUNDS / 2)] ?? Number.NaN;
  console.log(`a decision: ${median.toFixed(1)} µs of processor time (median of ${ROUNDS} rounds)`);
}

const ACCOUNT = '111122223333';
const NAMES = ['alana', 'danny', 'carlos', 'jorge'];
const WARM_UP = 50_000;
const ROUNDS = 25;
const DECISIONS = 10_000;
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
