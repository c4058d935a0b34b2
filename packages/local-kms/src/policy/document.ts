import { z } from 'zod';
import { namedValues } from '../protocol/named-values.ts';
import { ARN_PARTS, arnParts } from './arn-parts.ts';
import { type Conditions, conditions, isConditionOperator } from './conditions.ts';
import type { ConditionKeys } from './pattern.ts';
import { pattern } from './pattern.ts';
import { otherPrincipals, type PrincipalTest, principalElement, principals } from './principals.ts';

/** A policy that is ready to decide. */
export interface Policy {
  /** As explanations call it. */
  readonly name: string;
  readonly statements: readonly Statement[];
}

/** One statement of a policy. */
export interface Statement {
  /** Its Sid, or its place in the policy, from 1. */
  readonly label: string;
  readonly effect: 'Allow' | 'Deny';
  /** undefined in an identity policy, which is about the principal that it is attached to. */
  readonly principal: PrincipalTest | undefined;
  readonly action: (action: string) => boolean;
  readonly resource: (resource: string, keys: ConditionKeys) => boolean;
  readonly conditions: Conditions;
}

/** Reads a key policy, in which every statement has a principal. Returns undefined for anything else. */
export function keyPolicy(document: unknown): Policy | undefined {
  return policyOf('the key policy', keyPolicyDocument, document);
}

/** Reads an identity policy, in which no statement has a principal. Returns undefined for anything else. */
export function identityPolicy(name: string, document: unknown): Policy | undefined {
  return policyOf(name, identityPolicyDocument, document);
}

/**
 * Whether a key policy has ForAllValues on a condition key with one value, which a request without that value meets, too.
 * AWS KMS refuses it where it is put (AWS KMS Developer Guide, "Using set operators with condition keys").
 */
export function isOverlyPermissive(document: unknown): boolean {
  const { data } = keyPolicyDocument.safeParse(document);
  return (data?.Statement ?? []).some(({ Condition }) =>
    Object.entries(Condition).some(
      ([operator, byKey]) =>
        operator.startsWith('ForAllValues:') && Object.keys(byKey).some((key) => ONE_OF_A_NAME.test(key)),
    ),
  );
}

function policyOf(name: string, schema: z.ZodType<Document>, document: unknown): Policy | undefined {
  const parsed = schema.safeParse(document);
  if (!parsed.success) return undefined;
  const { Version, Statement } = parsed.data;
  const variables = Version === '2012-10-17';
  return { name, statements: Statement.map((statement, index) => compiled(statement, index, variables)) };
}

function compiled(element: z.output<typeof statementElement>, index: number, variables: boolean): Statement {
  const { Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource } = element;
  return {
    label: Sid === undefined || Sid === '' ? `statement ${index + 1}` : `statement ${JSON.stringify(Sid)}`,
    effect: Effect,
    principal:
      (Principal && principals(Principal)) ?? (NotPrincipal && otherPrincipals(NotPrincipal, Effect)),
    action: matcher(Action, NotAction, { variables: false, ignoreCase: true }),
    resource: matcher(Resource, NotResource, { variables, ignoreCase: false }),
    conditions: conditions(element.Condition, variables),
  };
}

/** A statement with neither list matches nothing: AWS KMS accepts it, and it has no effect. */
function matcher(
  values: readonly string[] | undefined,
  others: readonly string[] | undefined,
  options: { readonly variables: boolean; readonly ignoreCase: boolean },
): (text: string, keys?: ConditionKeys) => boolean {
  const patterns = (values ?? others ?? []).map((value) => pattern(value, { wildcards: true, ...options }));
  const matchesOne = (text: string, keys: ConditionKeys = () => undefined) =>
    patterns.some(({ matches }) => matches(text, keys));
  if (values) return matchesOne;
  return others ? (text, keys) => !matchesOne(text, keys) : () => false;
}

const strings = z
  .union([z.string(), z.array(z.string()).min(1)])
  .transform((value): readonly string[] => [value].flat());
const actions = strings.refine((names) => names.every((name) => /^(\*|[a-zA-Z0-9-]+:[\w*?-]+)$/.test(name)));
const resources = strings.refine((names) => names.every((name) => /^(\*|arn:.+|\$\{.+)$/.test(name)));
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const conditionValues = z
  .union([scalar, z.array(scalar).min(1)])
  .transform((value): readonly string[] => [value].flat().map(String));

const statementElement = z
  .strictObject({
    Sid: z.string().optional(),
    Effect: z.enum(['Allow', 'Deny']),
    Principal: principalElement.optional(),
    NotPrincipal: principalElement.optional(),
    Action: actions.optional(),
    NotAction: actions.optional(),
    Resource: resources.optional(),
    NotResource: resources.optional(),
    Condition: namedValues(
      z.string().refine(isConditionOperator),
      namedValues(z.string().min(1), conditionValues),
    ).default({}),
  })
  .refine(({ Principal, NotPrincipal }) => !Principal || !NotPrincipal)
  .refine(({ Action, NotAction }) => !Action || !NotAction)
  .refine(({ Resource, NotResource }) => !Resource || !NotResource);

type StatementElement = z.output<typeof statementElement>;

const documentOf = (isComplete: (statement: StatementElement) => boolean) => {
  const statement = statementElement.refine(isComplete);
  return z.strictObject({
    Version: z.enum(['2008-10-17', '2012-10-17']).default('2008-10-17'),
    Id: z.string().optional(),
    Statement: z
      .union([statement, z.array(statement).min(1)])
      .transform((value): readonly StatementElement[] => [value].flat()),
  });
};

type Document = z.output<ReturnType<typeof documentOf>>;

/** The ARN with `*` for each part that it lacks (IAM User Guide, "IAM ARNs"). */
function completed(arn: string): readonly string[] {
  const missing = arn.startsWith('arn:') ? ARN_PARTS - arnParts(arn).length : 0;
  return missing > 0 ? [arn, `${arn}${':*'.repeat(missing)}`] : [arn];
}

function withCompleteArns(statement: StatementElement): StatementElement {
  const [Resource, NotResource] = [statement.Resource, statement.NotResource].map((arns) =>
    arns?.flatMap(completed),
  );
  return { ...statement, Resource, NotResource };
}

const keyPolicyDocument = documentOf(({ Principal, NotPrincipal }) => Boolean(Principal ?? NotPrincipal));
const identityPolicyDocument = documentOf(
  ({ Principal, NotPrincipal, Action, NotAction, Resource, NotResource }) =>
    !Principal && !NotPrincipal && Boolean(Action ?? NotAction) && Boolean(Resource ?? NotResource),
).transform(({ Statement, ...document }) => ({ ...document, Statement: Statement.map(withCompleteArns) }));
const ONE_OF_A_NAME = /^(kms:EncryptionContext:|aws:RequestTag\/)/i;
