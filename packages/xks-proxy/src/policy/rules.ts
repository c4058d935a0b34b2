import type { MetadataField } from '../wire.ts';
import { matchesPattern } from './pattern.ts';
import type { Policy, PolicyRequest } from './policy.ts';
import { accountOf } from './principal.ts';

/** A rule holds for a request when each of its conditions does; a list of patterns holds when one of them does. */
export interface PolicyRule {
  readonly name: string;
  readonly effect: 'allow' | 'deny';
  readonly conditions: RuleConditions;
}

/** The conditions of a rule. An absent condition always holds. */
interface RuleConditions {
  /** Patterns for the text of a request field. A request without the field does not match. */
  readonly patterns: Readonly<Partial<Record<PatternSubject, readonly string[]>>>;
  readonly hours?: Hours | undefined;
  /** 0 is Sunday. For hours over midnight, the day on which they begin counts. */
  readonly weekdays?: readonly number[] | undefined;
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
}

/** The texts that patterns are compared with. */
export type PatternSubject = MetadataField | 'account' | 'externalKeyId';

/** Minutes since midnight, UTC: from `from` until before `to`; over midnight if `to` is smaller. */
interface Hours {
  readonly from: number;
  readonly to: number;
}

/**
 * Rules as a policy. A rule that denies wins over all that allow; if several apply, the first in the list is named. The
 * default decides on a request to which no rule applies.
 */
export function rulesPolicy(rules: readonly PolicyRule[], byDefault: PolicyRule['effect']): Policy {
  const inOrder = [...rules].sort((a, b) => Number(b.effect === 'deny') - Number(a.effect === 'deny'));
  return {
    decide(request) {
      const rule = inOrder.find(({ conditions }) => holds(conditions, request));
      return { isAllowed: (rule?.effect ?? byDefault) === 'allow', rule: rule?.name ?? 'default' };
    },
  };
}

function holds({ patterns, ...time }: RuleConditions, request: PolicyRequest): boolean {
  return (
    Object.entries(patterns).every(([subject, list]) => {
      const text = textOf(subject, request);
      return text !== undefined && list.some((pattern) => matchesPattern(pattern, text));
    }) && holdsAt(time, request.now)
  );
}

function holdsAt(
  { hours, weekdays, notBefore, notAfter }: Omit<RuleConditions, 'patterns'>,
  now: Date,
): boolean {
  if (notBefore !== undefined && now < notBefore) return false;
  if (notAfter !== undefined && now > notAfter) return false;
  const minute = now.getUTCHours() * 60 + now.getUTCMinutes();
  const { from, to } = hours ?? ALL_DAY;
  const isLate = from <= minute;
  const isEarly = minute < to;
  if (from <= to ? !(isLate && isEarly) : !(isLate || isEarly)) return false;
  // After midnight it is still the night of the day before.
  const day = now.getUTCDay() + (isLate ? 0 : WEEK_DAYS - 1);
  return weekdays?.includes(day % WEEK_DAYS) ?? true;
}

function textOf(subject: string, { metadata, externalKeyId }: PolicyRequest): string | undefined {
  if (subject === 'externalKeyId') return externalKeyId;
  if (subject === 'account') return accountOf(metadata);
  return Object.entries(metadata).find(([field]) => field === subject)?.[1];
}

const ALL_DAY: Hours = { from: 0, to: 24 * 60 };
const WEEK_DAYS = 7;
