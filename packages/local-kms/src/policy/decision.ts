import { GRANT_OPERATIONS } from '../keys/grant-members.ts';
import type { Grant } from '../keys/grants.ts';
import type { Caller } from './caller.ts';
import type { Policy, Statement } from './document.ts';
import { type GrantVerdict, grantVerdict, isToBeRetired, mayRetire } from './grant-test.ts';
import type { ConditionKeys } from './pattern.ts';
import { type RequestMembers, textsOf } from './request-members.ts';

/** May this caller do this to this? */
export interface Question {
  readonly caller: Caller;
  /** With its prefix `kms:`. */
  readonly action: string;
  /** An ARN, or `*` for what is on no resource. */
  readonly resource: string;
  /** The account that owns the resource. */
  readonly accountId: string;
  /** The policy and grants of a key; undefined for an alias and for `*`, where identity policies decide alone. */
  readonly key: GuardedKey | undefined;
  readonly keys: ConditionKeys;
  readonly members: RequestMembers;
  readonly tokenGrantIds: ReadonlySet<string>;
  readonly now: Date;
  readonly grantDelayMs: number;
}

/** What decides on a key besides identity policies. */
interface GuardedKey {
  readonly policy: Policy;
  readonly grants: () => readonly Grant[];
}

/** Why a request is allowed. */
export type AllowReason =
  | 'RootUser'
  | 'KeyPolicyAllows'
  | 'IdentityPolicyAllows'
  | 'BothPoliciesAllow'
  | 'GrantAllows'
  | 'MayRetireGrant';

/** Why a request is refused. */
export type DenyReason =
  | 'KeyPolicyDenies'
  | 'IdentityPolicyDenies'
  | 'NothingAllows'
  | 'KeyPolicyDoesNotEnableAccount'
  | 'IdentityPolicyMissing'
  | 'KeyPolicyMissing'
  | 'NotAcrossAccounts'
  | 'GrantNotVisibleYet'
  | 'GrantConstraintsNotMet';

/** An answer and what it follows from. */
export interface Decision {
  readonly allowed: boolean;
  readonly reason: AllowReason | DenyReason;
  /** The statements that decide, with their policies: two where both policies had to allow. */
  readonly statements: readonly DecidingStatement[];
  /** The grant that decides, or that nearly allows. */
  readonly grantId?: string;
}

/** A statement and where it stands. */
export interface DecidingStatement {
  readonly policy: string;
  readonly statement: string;
}

/**
 * Decides by key policy, identity policies and grants (AWS KMS Developer Guide, "Policy evaluation"). An explicit deny is
 * final, except that of a key policy for RetireGrant. In the account of the key, one of these suffices: its policy, an
 * identity policy if the key policy enables the account, or a grant. From another account it takes both policies, or a grant.
 */
export function decide(question: Question): Decision {
  const { caller, key, accountId } = question;
  const isToRetire = question.action === 'kms:RetireGrant';
  // A key policy has no say in RetireGrant, not even by a deny (AWS KMS Developer Guide, "Retiring and revoking grants").
  const keyDeny = isToRetire || !key ? undefined : matching(key.policy, question, 'Deny', () => true);
  if (keyDeny) return denied('KeyPolicyDenies', keyDeny);
  const identityDeny = firstOf(caller.policies, (policy) => matching(policy, question, 'Deny', () => true));
  if (identityDeny) return denied('IdentityPolicyDenies', identityDeny);
  if (isToRetire) return onRetiring(question);
  if (!key) return onNoKey(question);
  if (caller.accountId !== accountId && !ACROSS_ACCOUNTS.has(question.action))
    return denied('NotAcrossAccounts');
  const byPolicies =
    caller.accountId === accountId ? inOneAccount(question, key) : acrossAccounts(question, key);
  return byPolicies.allowed ? byPolicies : (byGrant(question, key) ?? byPolicies);
}

/** Decides operations on no key by the identity policies of one account, nearly always the account that owns the keys. */
function onNoKey(question: Question): Decision {
  const { caller, accountId, action } = question;
  const asked = ACCOUNTS_ASKED.get(action)?.(question) ?? accountId;
  return caller.accountId === asked
    ? (byIdentity(question) ?? denied('IdentityPolicyMissing'))
    : denied(ACROSS_ACCOUNTS.has(action) ? 'NothingAllows' : 'NotAcrossAccounts');
}

/** The principals of the grant may retire it; the account may also delegate that by identity policies alone. */
function onRetiring(question: Question): Decision {
  const { caller, accountId, key } = question;
  const grant = key?.grants().find((one) => isToBeRetired(one, question) && mayRetire(one, caller));
  if (grant) return { allowed: true, reason: 'MayRetireGrant', statements: [], grantId: grant.id };
  const delegated = caller.accountId === accountId ? byIdentity(question) : undefined;
  return delegated ?? denied('NothingAllows');
}

function inOneAccount(question: Question, { policy }: GuardedKey): Decision {
  const own = matching(policy, question, 'Allow', (naming) => naming === 'caller');
  if (own) return allowed(question.caller.kind === 'root' ? 'RootUser' : 'KeyPolicyAllows', own);
  const account = matching(policy, question, 'Allow', (naming) => naming === 'account');
  const identity = identityAllow(question);
  if (account && identity) return allowed('IdentityPolicyAllows', identity, account);
  if (identity) return denied('KeyPolicyDoesNotEnableAccount', identity);
  return account ? denied('IdentityPolicyMissing', account) : denied('NothingAllows');
}

function acrossAccounts(question: Question, { policy }: GuardedKey): Decision {
  const named = matching(policy, question, 'Allow', () => true);
  if (question.caller.kind === 'root') return named ? allowed('RootUser', named) : denied('KeyPolicyMissing');
  const identity = identityAllow(question);
  if (named && identity) return allowed('BothPoliciesAllow', named, identity);
  if (named) return denied('IdentityPolicyMissing', named);
  return identity ? denied('KeyPolicyMissing', identity) : denied('NothingAllows');
}

function byIdentity(question: Question): Decision | undefined {
  if (question.caller.kind === 'root') return allowed('RootUser');
  const identity = identityAllow(question);
  return identity && allowed('IdentityPolicyAllows', identity);
}

function byGrant(question: Question, key: GuardedKey): Decision | undefined {
  const request = {
    ...question,
    operation: question.action.slice('kms:'.length),
    delayMs: question.grantDelayMs,
  };
  const verdicts = key.grants().map((grant) => ({ grant, verdict: grantVerdict(grant, request) }));
  for (const [wanted, reason] of GRANT_REASONS) {
    const found = verdicts.find(({ verdict }) => verdict === wanted);
    if (found) return { allowed: wanted === 'Permitted', reason, statements: [], grantId: found.grant.id };
  }
  return undefined;
}

function identityAllow(question: Question): DecidingStatement | undefined {
  return firstOf(question.caller.policies, (policy) => matching(policy, question, 'Allow', () => true));
}

function matching(
  { name, statements }: Policy,
  { caller, action, resource, keys }: Question,
  effect: Statement['effect'],
  isNamed: (naming: 'caller' | 'account') => boolean,
): DecidingStatement | undefined {
  for (const statement of statements) {
    if (statement.effect !== effect || !statement.action(action)) continue;
    const naming = statement.principal ? statement.principal(caller) : 'caller';
    if (naming === undefined || !isNamed(naming)) continue;
    if (!statement.resource(resource, keys) || !statement.conditions(keys)) continue;
    return { policy: name, statement: statement.label };
  }
  return undefined;
}

function firstOf<Item, Value>(
  items: readonly Item[],
  valueOf: (item: Item) => Value | undefined,
): Value | undefined {
  for (const item of items) {
    const value = valueOf(item);
    if (value !== undefined) return value;
  }
  return undefined;
}

function allowed(reason: AllowReason, ...statements: readonly DecidingStatement[]): Decision {
  return { allowed: true, reason, statements };
}

function denied(reason: DenyReason, ...statements: readonly DecidingStatement[]): Decision {
  return { allowed: false, reason, statements };
}

/** The first that is found decides; a grant that nearly allows explains more than policies that say nothing. */
const GRANT_REASONS = [
  ['Permitted', 'GrantAllows'],
  ['NotVisibleYet', 'GrantNotVisibleYet'],
  ['ConstraintsNotMet', 'GrantConstraintsNotMet'],
] as const satisfies readonly (readonly [GrantVerdict, AllowReason | DenyReason])[];

/** The account that an operation on no key is about, where that is not the one that owns the keys. */
const ACCOUNTS_ASKED: ReadonlyMap<string, (question: Question) => string> = new Map([
  ['kms:GenerateRandom', ({ caller }) => caller.accountId],
  [
    'kms:ListRetirableGrants',
    ({ caller, members }) => textsOf(members['RetiringPrincipal'])?.[0]?.split(':')[4] ?? caller.accountId,
  ],
]);
/** The permissions that principals of other accounts can have, as the API model marks them: whatever a grant can permit, and more. */
const ACROSS_ACCOUNTS: ReadonlySet<string> = new Set(
  [...GRANT_OPERATIONS, 'GetKeyRotationStatus', 'ListGrants', 'RevokeGrant'].map(
    (operation) => `kms:${operation}`,
  ),
);
