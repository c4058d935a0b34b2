import type { CheckResult } from './run.ts';

/** The numbers of checks by outcome. `failedShould` are failures of recommendations of the specification. */
export interface Summary {
  readonly passed: number;
  readonly failedMust: number;
  readonly failedShould: number;
  readonly notRun: number;
}

/** Counts results. A proxy conforms when no `MUST` has failed. */
export function summary(results: readonly CheckResult[]): Summary {
  const count = (matches: (result: CheckResult) => boolean) => results.filter(matches).length;
  return {
    passed: count(({ outcome }) => outcome === 'pass'),
    failedMust: count(({ outcome, level }) => outcome === 'fail' && level === 'MUST'),
    failedShould: count(({ outcome, level }) => outcome === 'fail' && level === 'SHOULD'),
    notRun: count(({ outcome }) => outcome === 'not run'),
  };
}

/** One result as text: outcome, level, section and requirement, and below them the evidence unless it passed. */
export function resultText({ outcome, level, section, name, evidence }: CheckResult): string {
  const word = outcome === 'fail' ? 'FAIL' : outcome;
  const line = `${word.padEnd(OUTCOME_WIDTH)}${level.padEnd(LEVEL_WIDTH)}${section.padEnd(SECTION_WIDTH)}${name}`;
  return outcome === 'pass' ? line : `${line}\n${' '.repeat(OUTCOME_WIDTH)}${evidence}`;
}

/** The counts as text, for the last line. */
export function summaryText({ passed, failedMust, failedShould, notRun }: Summary): string {
  const verdict = failedMust === 0 ? 'conforms, as far as it was looked at' : 'does not conform';
  return `${passed} passed, ${failedMust} MUST failed, ${failedShould} SHOULD failed, ${notRun} not run: ${verdict}`;
}

/** The whole report for a program, as one JSON document. */
export function reportOf(endpoint: string, startedAt: Date, results: readonly CheckResult[]) {
  return {
    specification: SPECIFICATION,
    endpoint,
    startedAt: startedAt.toISOString(),
    summary: summary(results),
    checks: results,
  };
}

/** The specification that the checks are made from. */
export const SPECIFICATION = 'AWS KMS External Key Store Proxy API 1.0.3';
const OUTCOME_WIDTH = 9;
const LEVEL_WIDTH = 8;
const SECTION_WIDTH = 18;
