import { isIP } from 'node:net';
import { ARN_PARTS, arnParts } from './arn-parts.ts';
import { networkTest } from './networks.ts';
import type { ConditionKeys } from './pattern.ts';
import { type Pattern, pattern } from './pattern.ts';

/** Whether a request meets the conditions of a statement. */
export type Conditions = (keys: ConditionKeys) => boolean;

/** The Condition element of a statement: values by condition key by operator. */
export type ConditionElement = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** Compiles a Condition element. All of its conditions have to be met. The operators have to be known ones. */
export function conditions(element: ConditionElement, variables: boolean): Conditions {
  const all = Object.entries(element).flatMap(([operator, byKey]) =>
    Object.entries(byKey).map(([key, values]) => condition(operator, key.toLowerCase(), values, variables)),
  );
  return (keys) => all.every((isMet) => isMet(keys));
}

/** Whether IAM has an operator of this name, its prefix and suffix included. */
export function isConditionOperator(name: string): boolean {
  const { comparison, ifExists, set } = partsOf(name);
  if (comparison === 'Null') return !ifExists && set === undefined;
  return Object.hasOwn(COMPARISONS, comparison);
}

function condition(operator: string, key: string, values: readonly string[], variables: boolean): Conditions {
  const { set, comparison, ifExists } = partsOf(operator);
  if (comparison === 'Null') {
    return (keys) => values.some((value) => (value.toLowerCase() === 'true') === isAbsent(keys(key)));
  }
  const { test, negated = false } = rowOf(comparison);
  const tests = values.map((value) => test(value, variables));
  return (keys) => {
    const present = keys(key);
    if (present === undefined || present.length === 0) {
      if (ifExists || set === 'ForAllValues') return true;
      return set === 'ForAnyValue' ? false : negated;
    }
    const meets = (value: string) => tests.some((isOne) => isOne(value, keys)) !== negated;
    // Without a prefix a negated operator asks that no value is one of the list: the opposite of its counterpart.
    return set === 'ForAllValues' || (set === undefined && negated)
      ? present.every(meets)
      : present.some(meets);
  };
}

function isAbsent(values: readonly string[] | undefined): boolean {
  return values === undefined || values.length === 0;
}

function partsOf(operator: string) {
  const [, set, comparison = '', ifExists] = OPERATOR.exec(operator) ?? [];
  return { set, comparison, ifExists: ifExists !== undefined };
}

/** Whether the value of a key is what the policy says. */
type ValueTest = (value: string, keys: ConditionKeys) => boolean;

interface Comparison {
  /** Reads a value of the policy. A value that does not have the form of its kind equals nothing. */
  readonly test: (expected: string, variables: boolean) => ValueTest;
  readonly negated?: true;
}

function rowOf(comparison: string): Comparison {
  const row = Object.entries(COMPARISONS).find(([name]) => name === comparison)?.[1];
  if (row) return row;
  throw new TypeError(`comparison: expected one of IAM, not ${comparison}`);
}

function text(options: { readonly wildcards?: true; readonly ignoreCase?: true }): Comparison['test'] {
  return (expected, variables) => {
    const { matches } = pattern(expected, { wildcards: false, ...options, variables });
    return matches;
  };
}

function ordered(
  parse: (value: string) => number,
  compare: (actual: number, expected: number) => boolean,
): Comparison['test'] {
  return (expected) => {
    const bound = parse(expected);
    // NaN, for a text that is no number or no time, makes every comparison false.
    return (value) => compare(parse(value), bound);
  };
}

function decimal(value: string): number {
  return /^[+-]?\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
}

/** ISO 8601, or seconds since 1970. */
function time(value: string): number {
  if (/^\d+(\.\d+)?$/.test(value) && value.length !== 4) return Number(value) * 1000;
  return ISO_8601.test(value) ? Date.parse(value) : Number.NaN;
}

const bool: Comparison['test'] = (expected) => {
  const wanted = expected.toLowerCase();
  return (value) => value.toLowerCase() === wanted;
};

const binary: Comparison['test'] = (expected) => {
  const wanted = Buffer.from(expected, 'base64');
  return (value) => wanted.equals(Buffer.from(value, 'base64'));
};

/** The six parts of an ARN one by one: a wildcard does not reach over a colon, but in the last of them. */
const arn: Comparison['test'] = (expected, variables) => {
  const patterns: readonly Pattern[] = arnParts(expected).map((part) =>
    pattern(part, { wildcards: true, variables }),
  );
  return (value, keys) => {
    const parts = arnParts(value);
    return (
      parts.length === ARN_PARTS &&
      patterns.length === ARN_PARTS &&
      patterns.every(({ matches }, index) => matches(parts[index] ?? '', keys))
    );
  };
};

const ip: Comparison['test'] = (expected) => {
  const isInside = networkTest(expected);
  return (value) => isIP(value) !== 0 && isInside?.(value) === true;
};

const numeric = (compare: (actual: number, expected: number) => boolean) => ordered(decimal, compare);
const date = (compare: (actual: number, expected: number) => boolean) => ordered(time, compare);
const equals = (actual: number, expected: number) => actual === expected;
const less = (actual: number, expected: number) => actual < expected;
const lessOrEqual = (actual: number, expected: number) => actual <= expected;
const greater = (actual: number, expected: number) => actual > expected;
const greaterOrEqual = (actual: number, expected: number) => actual >= expected;

/** IAM User Guide, "Condition operators". */
const COMPARISONS = {
  StringEquals: { test: text({}) },
  StringNotEquals: { test: text({}), negated: true },
  StringEqualsIgnoreCase: { test: text({ ignoreCase: true }) },
  StringNotEqualsIgnoreCase: { test: text({ ignoreCase: true }), negated: true },
  StringLike: { test: text({ wildcards: true }) },
  StringNotLike: { test: text({ wildcards: true }), negated: true },
  NumericEquals: { test: numeric(equals) },
  NumericNotEquals: { test: numeric(equals), negated: true },
  NumericLessThan: { test: numeric(less) },
  NumericLessThanEquals: { test: numeric(lessOrEqual) },
  NumericGreaterThan: { test: numeric(greater) },
  NumericGreaterThanEquals: { test: numeric(greaterOrEqual) },
  DateEquals: { test: date(equals) },
  DateNotEquals: { test: date(equals), negated: true },
  DateLessThan: { test: date(less) },
  DateLessThanEquals: { test: date(lessOrEqual) },
  DateGreaterThan: { test: date(greater) },
  DateGreaterThanEquals: { test: date(greaterOrEqual) },
  Bool: { test: bool },
  BinaryEquals: { test: binary },
  IpAddress: { test: ip },
  NotIpAddress: { test: ip, negated: true },
  ArnEquals: { test: arn },
  ArnLike: { test: arn },
  ArnNotEquals: { test: arn, negated: true },
  ArnNotLike: { test: arn, negated: true },
} as const satisfies Record<string, Comparison>;

const OPERATOR = /^(?:(ForAnyValue|ForAllValues):)?([A-Za-z]+?)(IfExists)?$/;
const ISO_8601 = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2}))?$/;
