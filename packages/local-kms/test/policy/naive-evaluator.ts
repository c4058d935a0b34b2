// A second evaluator, written without a look at the first: it reads the documents anew for every decision, and knows
// nothing but whether something is allowed.

/** A policy document, as JSON has it. */
export interface Document {
  readonly Version?: string;
  readonly Statement: readonly StatementJson[];
}

export interface StatementJson {
  readonly Effect: string;
  readonly Principal?: string | { readonly AWS: string | readonly string[] };
  readonly NotPrincipal?: { readonly AWS: string | readonly string[] };
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface Scenario {
  readonly keyPolicy: Document;
  readonly identityPolicies: readonly Document[];
  readonly caller: { readonly account: string; readonly names: readonly string[]; readonly isRoot: boolean };
  readonly action: string;
  readonly resource: string;
  readonly owner: string;
  /** Values of condition keys, by lower-case name. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
  readonly context: Readonly<Record<string, string>>;
  readonly grants: readonly {
    readonly grantee: string;
    readonly operations: readonly string[];
    readonly equals?: Readonly<Record<string, string>>;
    readonly subset?: Readonly<Record<string, string>>;
    readonly sourceArn?: string;
    readonly isVisible: boolean;
  }[];
}

/** Whether the request of a scenario is allowed. */
export function naivelyAllowed(scenario: Scenario): boolean {
  const { keyPolicy, identityPolicies, caller, action, owner } = scenario;
  const about = (document: Document, effect: string) =>
    document.Statement.filter(
      (statement) => statement.Effect === effect && isAbout(statement, document.Version, scenario),
    );
  const whom = (statement: StatementJson) => naming(statement, caller);
  if (about(keyPolicy, 'Deny').some((statement) => whom(statement) !== 'no')) return false;
  if (identityPolicies.some((document) => about(document, 'Deny').length > 0)) return false;
  const granted = scenario.grants.some((grant) => permits(grant, scenario));
  const named = about(keyPolicy, 'Allow').map(whom);
  const identity = caller.isRoot || identityPolicies.some((document) => about(document, 'Allow').length > 0);
  if (caller.account !== owner) {
    const crosses = ['Encrypt', 'Decrypt', 'DescribeKey', 'CreateGrant'].includes(action.slice(4));
    return crosses && (granted || (identity && named.some((naming) => naming !== 'no')));
  }
  return granted || named.includes('caller') || (identity && named.includes('account'));
}

function list(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : [value].flat();
}

function naming(statement: StatementJson, caller: Scenario['caller']): 'caller' | 'account' | 'no' {
  const accounts = [caller.account, `arn:aws:iam::${caller.account}:root`];
  if (statement.NotPrincipal) {
    const listed = list(statement.NotPrincipal.AWS);
    if (listed.includes('*')) return 'no';
    const own = caller.isRoot ? [] : caller.names.map((name) => listed.includes(name));
    const all = [...own, accounts.some((name) => listed.includes(name))];
    const exempt = statement.Effect === 'Deny' ? all.every((hit) => hit) : all.some((hit) => hit);
    return exempt ? 'no' : 'caller';
  }
  const listed = typeof statement.Principal === 'string' ? ['*'] : list(statement.Principal?.AWS);
  if (listed.includes('*') || caller.names.some((name) => listed.includes(name))) return 'caller';
  if (!accounts.some((name) => listed.includes(name))) return 'no';
  return caller.isRoot ? 'caller' : 'account';
}

function isAbout(statement: StatementJson, version: string | undefined, scenario: Scenario): boolean {
  const { action, resource, keys } = scenario;
  const expand = (text: string) => (version === '2012-10-17' ? expanded(text, keys) : escaped(text));
  const actions = (values: string | readonly string[] | undefined) =>
    list(values).some((value) => new RegExp(`^${wild(escaped(value))}$`, 'is').test(action));
  const resources = (values: string | readonly string[] | undefined) =>
    list(values).some((value) => new RegExp(`^${wild(expand(value))}$`, 's').test(resource));
  if (!statement.Action && !statement.NotAction) return false;
  if (!statement.Resource && !statement.NotResource) return false;
  if (statement.Action ? !actions(statement.Action) : actions(statement.NotAction)) return false;
  if (statement.Resource ? !resources(statement.Resource) : resources(statement.NotResource)) return false;
  return Object.entries(statement.Condition ?? {}).every(([operator, byKey]) =>
    Object.entries(byKey).every(([key, values]) =>
      isMet(operator, keys[key.toLowerCase()] ?? [], list(values), expand),
    ),
  );
}

// A private sign for every wildcard, so that those of a policy differ from those of a request.
const STAR = '\uE000';
const MARK = '\uE001';
// What matches no text, the empty one neither.
const NOTHING = '(?!)';

function escaped(text: string): string {
  return text
    .replaceAll('*', STAR)
    .replaceAll('?', MARK)
    .replaceAll(/[\\^$.|+()[\]{}]/g, '\\$&');
}

function expanded(text: string, keys: Scenario['keys']): string {
  const parts = text.split(/(\$\{[^}]*\})/);
  return parts
    .map((part) => {
      if (!part.startsWith('${')) return escaped(part);
      const name = part.slice(2, -1);
      if (name === '*') return '\\*';
      if (name === '?') return '\\?';
      const value = keys[name.toLowerCase()];
      return value?.length === 1 ? literal(value[0] ?? '') : NOTHING;
    })
    .join('');
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.|+()[\]{}*?]/g, '\\$&');
}

function wild(pattern: string): string {
  return pattern.replaceAll(STAR, '.*').replaceAll(MARK, '.');
}

function plain(pattern: string): string {
  return pattern.replaceAll(STAR, '\\*').replaceAll(MARK, '\\?');
}

type Expand = (text: string) => string;

function isMet(
  operator: string,
  actual: readonly string[],
  values: readonly string[],
  expand: Expand,
): boolean {
  const optional = operator.endsWith('IfExists');
  const prefixed = optional ? operator.slice(0, -'IfExists'.length) : operator;
  const set = prefixed.includes(':') ? prefixed.split(':')[0] : 'none';
  const bare = prefixed.split(':').at(-1) ?? '';
  if (bare === 'Null') return values.includes(actual.length === 0 ? 'true' : 'false');
  const negative = bare.includes('Not');
  const positive = bare.replace('Not', '');
  const hit = (value: string) => values.some((expected) => equal(positive, value, expected, expand));
  if (actual.length === 0) {
    if (optional || set === 'ForAllValues') return true;
    return set === 'none' && negative;
  }
  if (set === 'ForAnyValue') return actual.some((value) => hit(value) !== negative);
  if (set === 'ForAllValues') return actual.every((value) => hit(value) !== negative);
  return negative ? !actual.some(hit) : actual.some(hit);
}

function equal(operator: string, actual: string, expected: string, expand: Expand): boolean {
  switch (operator) {
    case 'StringEquals':
      return new RegExp(`^${plain(expand(expected))}$`, 's').test(actual);
    case 'StringEqualsIgnoreCase':
      return new RegExp(`^${plain(expand(expected))}$`, 'is').test(actual);
    case 'StringLike':
      return new RegExp(`^${wild(expand(expected))}$`, 's').test(actual);
    case 'Bool':
      return actual.toLowerCase() === expected.toLowerCase();
    case 'IpAddress':
      return inNetwork(actual, expected);
    case 'ArnLike':
    case 'ArnEquals':
      return arnLike(actual, expected);
    default:
      return operator.startsWith('Date')
        ? compared(operator.slice(4), Date.parse(actual), Date.parse(expected))
        : compared(operator.slice(7), Number(actual), Number(expected));
  }
}

function compared(relation: string, actual: number, expected: number): boolean {
  if (relation === 'Equals') return actual === expected;
  if (relation === 'LessThan') return actual < expected;
  if (relation === 'LessThanEquals') return actual <= expected;
  return relation === 'GreaterThan' ? actual > expected : actual >= expected;
}

function inNetwork(address: string, network: string): boolean {
  const number = (text: string) => text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const [base = '', length = '32'] = network.split('/');
  const size = 2 ** (32 - Number(length));
  return Math.floor(number(address) / size) === Math.floor(number(base) / size);
}

function arnLike(actual: string, expected: string): boolean {
  const [parts, patterns] = [actual.split(':'), expected.split(':')];
  return (
    parts.length === patterns.length &&
    parts.every((part, index) => new RegExp(`^${wild(escaped(patterns[index] ?? ''))}$`).test(part))
  );
}

function permits(grant: Scenario['grants'][number], { caller, action, context }: Scenario): boolean {
  const operation = action.slice('kms:'.length);
  if (!caller.names.includes(grant.grantee) || !grant.operations.includes(operation) || !grant.isVisible) {
    return false;
  }
  // No request comes from a resource.
  if (grant.sourceArn !== undefined) return false;
  if (operation !== 'Encrypt' && operation !== 'Decrypt') return operation !== 'CreateGrant' || !grant.equals;
  const has = (pairs: Readonly<Record<string, string>>) =>
    Object.entries(pairs).every(([name, value]) =>
      Object.entries(context).some(
        ([key, text]) => key.toUpperCase() === name.toUpperCase() && text === value,
      ),
    );
  const { equals, subset } = grant;
  if (equals && !(has(equals) && Object.keys(equals).length === Object.keys(context).length)) return false;
  return !subset || has(subset);
}
