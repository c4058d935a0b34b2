import { isDeepStrictEqual } from 'node:util';
import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs';
import { EXTERNAL_KEY_ID } from '../config/names.ts';

/** The members of `context` that not every request has. */
export type OptionalMember = (typeof OPTIONAL_MEMBERS)[number];

/**
 * The problems that Cedar's own validation finds in policies: types that do not match, and conditions that hold for no
 * request. When it decides, Cedar ignores both, even in a policy that forbids. A condition may use a member of `context`
 * that may be missing without `has`.
 *
 * @param policies in Cedar's JSON, by the names that messages have for them
 * @returns at most one problem for each policy
 */
export function problemsIn(
  cedar: Pick<typeof Cedar, 'policyToText' | 'validate'>,
  policies: ReadonlyMap<string, Cedar.PolicyJson>,
): readonly string[] {
  const problems = new Map<string, string>();
  const operations = new Set([OTHER_OPERATION]);
  for (const [name, { principal, action, resource, conditions }] of policies) {
    for (const { type, id } of nodesIn([principal, action, resource, conditions]).filter(isEntity)) {
      if (type === 'Action' && isOperation(id)) operations.add(id);
      else if (type === 'Action' || (type === 'Key' && !EXTERNAL_KEY_ID.safeParse(id).success))
        problems.set(name, `no request has ${type}::${JSON.stringify(id)}`);
    }
  }
  const checks = [...policies].flatMap(([name, policy]) => checksOf(name, policy));
  const byPlace = checks.map(({ policy }) => policy).filter(isPolicy);
  const answer = cedar.validate({
    validationSettings: { mode: 'strict' },
    schema: schemaOf(operations),
    policies: { staticPolicies: Object.fromEntries(byPlace.entries()) },
  });
  if (answer.type === 'failure') return answer.errors.map(({ message }) => message);
  // Errors last, since they say more than warnings.
  const complaints = new Map(
    [...answer.validationWarnings, ...answer.validationErrors].map(({ policyId, error }) => [
      policyId,
      error.message.replaceAll(NAMES_OF_CHECKS, ''),
    ]),
  );
  for (const [place, { name, condition }] of checks.entries()) {
    const complaint = complaints.get(String(place));
    if (complaint === undefined || problems.has(name)) continue;
    const where = condition === undefined ? '' : `${textOf(cedar, condition)}: `;
    problems.set(name, `${where}${complaint}`);
  }
  return [...problems].map(([name, problem]) => `${name}: ${problem}`);
}

interface Check {
  readonly name: string;
  /** In Cedar's JSON. */
  readonly policy: unknown;
  /** Absent for the policy as a whole. */
  readonly condition?: Cedar.Expr;
}

/** Each condition of a policy alone, since Cedar accepts one that never holds beside others; then the whole policy. */
function checksOf(name: string, policy: Cedar.PolicyJson): readonly Check[] {
  const conditions = nodesIn(policy.conditions)
    .filter(isCondition)
    .map((condition) => {
      // A `!=` that always holds is as wrong as an `==` that never does.
      const alone = '!=' in condition ? { '!': { arg: condition } } : condition;
      return { name, condition: alone, policy: asPresent(forbidWhen(alone)) };
    });
  return [...conditions, { name, policy: { ...policy, conditions: asPresent(policy.conditions) } }];
}

/** Replaces members that may be missing by members that never are: a request without such a member is denied in any case. */
function asPresent(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(asPresent);
  if (!isObject(node)) return node;
  const member = OPTIONAL_MEMBERS.find((attr) => isDeepStrictEqual(node, memberOf(attr)));
  if (member !== undefined) return memberOf(presentName(member));
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, asPresent(value)]));
}

/** All objects in a value, the outer ones first. */
function nodesIn(value: unknown): readonly object[] {
  if (!isObject(value)) return [];
  const inside = Object.values(value).flatMap(nodesIn);
  return Array.isArray(value) ? inside : [value, ...inside];
}

function isEntity(node: object): node is Cedar.TypeAndId {
  return 'type' in node && typeof node.type === 'string' && 'id' in node && typeof node.id === 'string';
}

/** Whether a node is an operator that Cedar may know to be false; a record with a member of such a name has no operands. */
function isCondition(node: object): node is Cedar.Expr {
  return Object.entries(node).some(
    ([operator, operands]: [string, unknown]) =>
      CONDITIONS.has(operator) && isObject(operands) && 'left' in operands,
  );
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isPolicy = (value: unknown): value is Cedar.PolicyJson => isObject(value);

/** Whether a text can be an operation. AWS adds operations, so an unknown one may be new, but all are written alike. */
const isOperation = (id: string) =>
  OPERATION.test(id) && OPERATIONS.every((known) => known === id || known.toLowerCase() !== id.toLowerCase());

const memberOf = (attr: string): Cedar.Expr => ({ '.': { left: { Var: 'context' }, attr } });
const presentName = (member: OptionalMember) => `${member}*`;

const forbidWhen = (body: Cedar.Expr): Cedar.PolicyJson => ({
  effect: 'forbid',
  principal: { op: 'All' },
  action: { op: 'All' },
  resource: { op: 'All' },
  conditions: [{ kind: 'when', body }],
});

/** A condition in the text form of Cedar, which converts only whole policies. */
function textOf(cedar: Pick<typeof Cedar, 'policyToText'>, condition: Cedar.Expr): string {
  const written = cedar.policyToText(forbidWhen(condition));
  return written.type === 'success' ? written.text.slice(written.text.indexOf('{') + 2, -' };'.length) : '';
}

/** The form of requests, in Cedar's schema language. */
function schemaOf(operations: ReadonlySet<string>): string {
  const actions = [...operations].map((id) => JSON.stringify(id)).join(', ');
  const optional = OPTIONAL_MEMBERS.map((member) => `${member}?: String, "${presentName(member)}": String`);
  const context = `{ now: datetime, ${optional.join(', ')} }`;
  return `entity Principal; entity Key;
    action ${actions} appliesTo { principal: Principal, resource: Key, context: ${context} };`;
}

const OPTIONAL_MEMBERS = ['account', 'kmsKeyArn', 'viaService', 'sourceVpc', 'sourceVpce'] as const;
const CONDITIONS: ReadonlySet<string> = new Set(['==', '!=', 'has', 'hasTag', 'in', 'is', 'like']);
const OPERATION = /^[A-Z][A-Za-z0-9]*$/;
const OPERATIONS = [
  'CreateKey',
  'Decrypt',
  'DescribeKey',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncrypt',
] as const;
const NAMES_OF_CHECKS = /^for policy `[^`]*`, | for Action::"[^"]*"/g;
// Stands for all operations that no policy names; no policy can name it.
const OTHER_OPERATION = '*';
