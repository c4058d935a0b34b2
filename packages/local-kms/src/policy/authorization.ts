import { parseKmsArn } from '../arn.ts';
import type { Grant } from '../keys/grants.ts';
import { parsedPolicy } from '../keys/key-policy.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import { trackedFrom } from '../keys/last-uses.ts';
import type { Kms } from '../kms.ts';
import type { Access } from './access.ts';
import { conditionKeys } from './condition-keys.ts';
import { type Decision, decide } from './decision.ts';
import type { Policy } from './document.ts';
import { isToBeRetired } from './grant-test.ts';
import type { ConditionKeys } from './pattern.ts';
import { type RequestMembers, textsOf } from './request-members.ts';

/** What a decision depends on besides the access. */
export interface AuthorizationOptions {
  /** How long a new grant is unknown to requests without its token. */
  readonly grantDelayMs: number;
  /** Values of condition keys, by their names in lower case, that take precedence over those of the request. */
  readonly conditionKeys?: ReadonlyMap<string, readonly string[]>;
}

/** Decides on an access by what the KMS holds at this time. Throws InvalidGrantTokenException for a token of no grant. */
export function authorize(access: Access, options: AuthorizationOptions): Decision {
  return authorizeOn(keyAt(access.kms, access.resource), access, options);
}

/** Decides on an access to a key that need not exist: one that is yet to be made, or a key as it is going to be. */
export function authorizeOn(
  key: KmsKey | undefined,
  access: Access,
  options: AuthorizationOptions,
): Decision {
  const { caller, action, resource, kms, sourceIp, userAgent } = access;
  const now = kms.account.clock.now();
  const grants = () => (key ? kms.grants.ofKey(key.id) : []);
  const tokenGrantIds = grantIdsOf(kms, [
    ...(textsOf(access.members['GrantTokens']) ?? []),
    ...(textsOf(access.members['GrantToken']) ?? []),
  ]);
  const members = withConstraints(access, grants, tokenGrantIds);
  const keys = conditionKeys({
    caller,
    action,
    key,
    aliases: () => aliasesOf(kms, key),
    unusedSince: key && (() => kms.lastUses.ofKey(key.id)?.at ?? trackedFrom(kms.lastUses, key)),
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
    key: key && { policy: policyOf(key), grants },
    keys: withGiven(keys, options.conditionKeys),
    members,
    tokenGrantIds,
    now,
    grantDelayMs: options.grantDelayMs,
  });
}

/** A request to retire a grant is decided by the constraints of that grant, as one to make it by those in the request. */
function withConstraints(
  { action, members }: Access,
  grants: () => readonly Grant[],
  tokenGrantIds: ReadonlySet<string>,
): RequestMembers {
  if (action !== 'kms:RetireGrant') return members;
  const retired = grants().find((grant) => isToBeRetired(grant, { members, tokenGrantIds }));
  return { ...members, Constraints: retired?.constraints };
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
