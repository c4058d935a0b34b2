import type { Access } from '../access.ts';
import { parseKmsArn } from '../arn.ts';
import { parsedPolicy } from '../keys/key-policy.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import type { Kms } from '../kms.ts';
import { conditionKeys } from './condition-keys.ts';
import { type Decision, decide } from './decision.ts';
import type { Policy } from './document.ts';
import type { ConditionKeys } from './pattern.ts';
import { textsOf } from './request-members.ts';

/** What a decision may be asked with, besides the access itself. */
export interface AuthorizationOptions {
  /** How long a new grant is unknown to requests without its token. */
  readonly grantDelayMs: number;
  /** Values of condition keys, by their names in lower case, that go before those of the request. */
  readonly conditionKeys?: ReadonlyMap<string, readonly string[]>;
}

/** Decides on an access by what the KMS holds at this time. Throws InvalidGrantTokenException for a token of no grant. */
export function authorize(access: Access, options: AuthorizationOptions): Decision {
  const { caller, action, resource, kms, members, sourceIp, userAgent } = access;
  const key = keyAt(kms, resource);
  const now = kms.account.clock.now();
  const keys = conditionKeys({
    caller,
    action,
    key,
    aliases: () => aliasesOf(kms, key),
    accountId: kms.scope.accountId,
    region: kms.scope.region,
    members,
    sourceIp,
    userAgent,
    now,
  });
  return decide({
    caller,
    action,
    resource,
    accountId: kms.scope.accountId,
    key: key && { policy: policyOf(key), grants: () => kms.grants.ofKey(key.id) },
    keys: withGiven(keys, options.conditionKeys),
    members,
    tokenGrantIds: grantIdsOf(kms, [
      ...(textsOf(members['GrantTokens']) ?? []),
      ...(textsOf(members['GrantToken']) ?? []),
    ]),
    now,
    grantDelayMs: options.grantDelayMs,
  });
}

function keyAt({ keys }: Kms, resource: string): KmsKey | undefined {
  const [kind, id] = parseKmsArn(resource)?.resource.split('/') ?? [];
  return kind === 'key' && id !== undefined ? keys.find(id) : undefined;
}

function aliasesOf({ aliases }: Kms, key: KmsKey | undefined): readonly string[] {
  return aliases.list().flatMap(({ name, targetKeyId }) => (targetKeyId === key?.id ? [name] : []));
}

function grantIdsOf({ grants }: Kms, tokens: readonly string[]): ReadonlySet<string> {
  return tokens.length === 0 ? NO_GRANTS : new Set(tokens.map((token) => grants.withToken(token).id));
}

function withGiven(
  keys: ConditionKeys,
  given: ReadonlyMap<string, readonly string[]> | undefined,
): ConditionKeys {
  return given ? (name) => given.get(name) ?? keys(name) : keys;
}

function policyOf(key: KmsKey): Policy {
  const known = POLICIES.get(key);
  if (known) return known;
  const policy = parsedPolicy(key.policy);
  POLICIES.set(key, policy);
  return policy;
}

const NO_GRANTS: ReadonlySet<string> = new Set();
// A key that changes is another object.
const POLICIES = new WeakMap<KmsKey, Policy>();
