import { OPERATIONS_OF_SYMMETRIC } from '../keys/grant-members.ts';
import type { Grant, GrantConstraints } from '../keys/grants.ts';
import type { Caller } from './caller.ts';
import { contextOf, type RequestMembers, textsOf } from './request-members.ts';

/** The parts of a request that grants depend on. */
export interface GrantedRequest {
  readonly caller: Caller;
  /** Without a prefix. */
  readonly operation: string;
  readonly members: RequestMembers;
  /** The ids of the grants whose tokens came with the request. */
  readonly tokenGrantIds: ReadonlySet<string>;
  readonly now: Date;
  /** How long a new grant is unknown to a request without its token. */
  readonly delayMs: number;
}

/** Whether a grant permits a request, or why it does not; undefined if it is for another caller or operation. */
export type GrantVerdict = 'Permitted' | 'NotVisibleYet' | 'ConstraintsNotMet';

/**
 * Whether a grant permits a request (AWS KMS Developer Guide, "Grants"). A grant for an account is for its root
 * user.
 */
export function grantVerdict(grant: Grant, request: GrantedRequest): GrantVerdict | undefined {
  const { caller, operation, tokenGrantIds, now, delayMs } = request;
  if (!isNamed(grant.granteePrincipal, caller) || !grant.operations.includes(operation)) return undefined;
  if (!tokenGrantIds.has(grant.id) && now.getTime() < grant.createdAt.getTime() + delayMs) {
    return 'NotVisibleYet';
  }
  return areMet(grant, request) ? 'Permitted' : 'ConstraintsNotMet';
}

/** Whether a grant is the one that a request to retire one names, by its id or by its token. */
export function isToBeRetired(
  { id }: Grant,
  { members, tokenGrantIds }: Pick<GrantedRequest, 'members' | 'tokenGrantIds'>,
): boolean {
  return tokenGrantIds.has(id) || members['GrantId'] === id;
}

/** Whether a caller may end a grant without a policy that says so. */
export function mayRetire(
  { retiringPrincipal, granteePrincipal, operations }: Grant,
  caller: Caller,
): boolean {
  return (
    (retiringPrincipal !== undefined && isNamed(retiringPrincipal, caller)) ||
    (operations.includes('RetireGrant') && isNamed(granteePrincipal, caller))
  );
}

function isNamed(principal: string, { arn, principalArn }: Caller): boolean {
  return principal === arn || principal === principalArn;
}

function areMet({ operations, constraints }: Grant, { operation, members }: GrantedRequest): boolean {
  // For every operation: only requests of AWS services come on behalf of a resource.
  if (constraints?.SourceArn !== undefined) return false;
  if (operation === 'CreateGrant') return isNarrower(members, operations, constraints);
  if (!OPERATIONS_OF_SYMMETRIC.has(operation) || !constraints) return true;
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = constraints;
  const context = contextOf(`kms:${operation}`, members);
  return (!equals || isSame(context, equals)) && (!subset || includes(context, subset));
}

/** A grant with CreateGrant makes grants that permit no more than itself. */
function isNarrower(
  { Operations, Constraints }: RequestMembers,
  operations: readonly string[],
  constraints: GrantConstraints | undefined,
): boolean {
  const requested = textsOf(Operations) ?? [];
  if (!requested.every((operation) => operations.includes(operation))) return false;
  if (!constraints) return true;
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = constraints;
  const next = pairsByConstraint(Constraints);
  if (equals && !(next.equals && isSame(next.equals, equals))) return false;
  return !subset || [next.equals, next.subset].some((pairs) => pairs && includes(pairs, subset));
}

type Pairs = readonly (readonly [string, string])[];

function pairsByConstraint(constraints: unknown): {
  readonly equals?: Pairs;
  readonly subset?: Pairs;
} {
  if (typeof constraints !== 'object' || constraints === null) return {};
  const pairsOf = (name: string): Pairs | undefined => {
    const value: unknown = Reflect.get(constraints, name);
    return typeof value === 'object' && value !== null
      ? Object.entries(value).map(([key, text]) => [key, String(text)] as const)
      : undefined;
  };
  const [equals, subset] = [pairsOf('EncryptionContextEquals'), pairsOf('EncryptionContextSubset')];
  return { ...(equals && { equals }), ...(subset && { subset }) };
}

/** Names without regard to case, values to the letter. */
function includes(context: Pairs, expected: Readonly<Record<string, string>>): boolean {
  return Object.entries(expected).every(([name, value]) =>
    context.some(([key, text]) => key.toLowerCase() === name.toLowerCase() && text === value),
  );
}

function isSame(context: Pairs, expected: Readonly<Record<string, string>>): boolean {
  return context.length === Object.keys(expected).length && includes(context, expected);
}
