import { z } from 'zod';

/** What a Principal element can name a caller by. */
export interface NamedCaller {
  readonly kind: 'root' | 'user' | 'session';
  /** For a role session, the ARN of the session. */
  readonly arn: string;
  /** The ARN that policies name: for a role session, the ARN of the role. */
  readonly principalArn: string;
  readonly accountId: string;
}

/** How a Principal element means a caller: itself, or the account that it belongs to. */
type Naming = 'caller' | 'account';

/** Returns how an element names a caller; undefined if it does not. */
export type PrincipalTest = (caller: NamedCaller) => Naming | undefined;

/** The values of a Principal or NotPrincipal element that are about AWS accounts. */
export const principalElement = z
  .union([
    z.literal('*').transform((all) => ({ AWS: [all] })),
    z.strictObject({
      AWS: principalList(/^(\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+)$/),
      Service: principalList(/^[a-z0-9.-]+$/),
      Federated: principalList(/^.+$/),
      CanonicalUser: principalList(/^[0-9a-f]+$/),
    }),
  ])
  .transform(({ AWS = [] }): readonly string[] => AWS);

/** Compiles a Principal element. Services and federated users are no callers of this KMS. */
export function principals(values: readonly string[]): PrincipalTest {
  const accounts = new Set(values.flatMap((value) => ACCOUNT.exec(value)?.slice(1) ?? []).filter(Boolean));
  const arns = new Set(values);
  const isAnyone = arns.has('*');
  return ({ kind, arn, principalArn, accountId }) => {
    if (isAnyone || arns.has(arn) || arns.has(principalArn)) return 'caller';
    if (!accounts.has(accountId)) return undefined;
    return kind === 'root' ? 'caller' : 'account';
  };
}

/**
 * Compiles a NotPrincipal element, in doubt for less access: a Deny is for all but those whose every name is listed,
 * that of their account included; an Allow is for none who has a name that is listed.
 */
export function otherPrincipals(values: readonly string[], effect: 'Allow' | 'Deny'): PrincipalTest {
  const accounts = new Set(values.flatMap((value) => ACCOUNT.exec(value)?.slice(1) ?? []).filter(Boolean));
  const arns = new Set(values);
  return ({ kind, arn, principalArn, accountId }) => {
    const isAccountListed = accounts.has(accountId);
    // The root user has the names of its account, and no other.
    const listed =
      kind === 'root' ? [isAccountListed] : [arns.has(arn), arns.has(principalArn), isAccountListed];
    const isExempt = arns.has('*') || (effect === 'Deny' ? listed.every(Boolean) : listed.some(Boolean));
    return isExempt ? undefined : 'caller';
  };
}

function principalList(form: RegExp) {
  return z
    .union([z.string(), z.array(z.string()).min(1)])
    .transform((value) => [value].flat())
    .refine((values) => values.every((value) => form.test(value)))
    .optional();
}

// The digits of both forms that name an account.
const ACCOUNT = /^(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::root)?$/;
