import type { Access } from './access.ts';
import type { Caller } from './caller.ts';
import type { AllowReason, DecidingStatement, Decision, DenyReason } from './decision.ts';

/** A decision as a sentence for a person. */
export function inWords({ reason, statements, grantId }: Decision): string {
  return SENTENCES[reason](statements.map(statementInWords), grantId ?? '');
}

/** The message of a refusal, in the words of AWS KMS. A caller of another account is told neither why, nor what exists. */
export function refusalText(
  { caller, action, resource, named = `resource: ${resource}`, kms }: Access,
  { reason }: Decision,
): string {
  if (resource !== '*' && caller.accountId !== kms.scope.accountId) {
    return unreachableText(caller, action, named);
  }
  return `${refusal(caller, action)} on resource: ${resource} ${CLAUSES[reason](action)}`;
}

/**
 * The message for a resource that does not exist, or whose existence the caller must not learn, in the words of AWS KMS.
 * `named` is the resource as the request names it, such as `resource: alias/orders`.
 */
export function unreachableText(caller: Caller, action: string, named: string): string {
  return (
    `${refusal(caller, action)} on ${named} because the resource does not exist in this Region, ` +
    'no resource-based policies allow access, or a resource-based policy explicitly denies access'
  );
}

function refusal({ arn }: Caller, action: string): string {
  return `User: ${arn} is not authorized to perform: ${action}`;
}

function statementInWords({ policy, statement }: DecidingStatement): string {
  return `${statement} of ${policy}`;
}

type Sentence = (statements: readonly string[], grantId: string) => string;

const SENTENCES = {
  RootUser: ([statement]) =>
    statement === undefined
      ? 'Allowed: the root user may do everything in its account.'
      : `Allowed: ${statement} names the account, and the caller is its root user.`,
  KeyPolicyAllows: ([statement]) => `Allowed: ${statement} names the caller.`,
  IdentityPolicyAllows: ([identity, account]) =>
    account === undefined
      ? `Allowed: ${identity}.`
      : `Allowed: ${identity}, and ${account} enables the identity policies of the account.`,
  BothPoliciesAllow: ([key, identity]) =>
    `Allowed from another account: ${key} names the caller or its account, and ${identity} allows it there.`,
  GrantAllows: (_statements, grantId) => `Allowed: by the grant ${grantId}.`,
  MayRetireGrant: (_statements, grantId) => `Allowed: the caller may retire the grant ${grantId}.`,
  KeyPolicyDenies: ([statement]) => `Denied: ${statement} denies it, and nothing can allow it then.`,
  IdentityPolicyDenies: ([statement]) => `Denied: ${statement} denies it, and nothing can allow it then.`,
  NothingAllows: () => 'Denied: no key policy, no identity policy and no grant allows it.',
  KeyPolicyDoesNotEnableAccount: ([statement]) =>
    `Denied: ${statement} would allow it, but the key policy does not enable the identity policies of the account.`,
  IdentityPolicyMissing: ([statement]) =>
    statement === undefined
      ? 'Denied: no identity policy of the caller allows it.'
      : `Denied: ${statement} leaves it to identity policies, and none of the caller allows it.`,
  KeyPolicyMissing: () => 'Denied: the key policy does not name the other account or its caller.',
  NotAcrossAccounts: () => 'Denied: the operation cannot be used from another account.',
  GrantNotVisibleYet: (_statements, grantId) =>
    `Denied: the grant ${grantId} would allow it, but it is new and its token did not come with the request.`,
  GrantConstraintsNotMet: (_statements, grantId) =>
    `Denied: the grant ${grantId} is for the caller and the operation, but its constraints are not met.`,
} as const satisfies Record<AllowReason | DenyReason, Sentence>;

const noResourcePolicy = (action: string) => `because no resource-based policy allows the ${action} action`;
const noIdentityPolicy = (action: string) => `because no identity-based policy allows the ${action} action`;
const nothing = () => '';

const CLAUSES = {
  RootUser: nothing,
  KeyPolicyAllows: nothing,
  IdentityPolicyAllows: nothing,
  BothPoliciesAllow: nothing,
  GrantAllows: nothing,
  MayRetireGrant: nothing,
  KeyPolicyDenies: () => 'with an explicit deny in a resource-based policy',
  IdentityPolicyDenies: () => 'with an explicit deny in an identity-based policy',
  NothingAllows: noResourcePolicy,
  KeyPolicyDoesNotEnableAccount: noResourcePolicy,
  IdentityPolicyMissing: noIdentityPolicy,
  KeyPolicyMissing: noResourcePolicy,
  NotAcrossAccounts: noResourcePolicy,
  GrantNotVisibleYet: noResourcePolicy,
  GrantConstraintsNotMet: noResourcePolicy,
} as const satisfies Record<AllowReason | DenyReason, (action: string) => string>;
