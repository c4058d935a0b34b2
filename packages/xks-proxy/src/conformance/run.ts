import type { Check } from './check.ts';
import { type Answer, xksClient } from './client.ts';
import { type Patience, patienceFor } from './patience.ts';
import { conformanceChecks } from './suite.ts';
import { NotRun, type Target } from './target.ts';

/** The result of one check. */
export interface CheckResult extends Pick<Check, 'name' | 'section' | 'level'> {
  readonly outcome: 'pass' | 'fail' | 'not run';
  /** The statuses of the answers, the fault in them, or what the check would need of the target. One line. */
  readonly evidence: string;
}

/**
 * Runs the checks on a proxy, one after the other, each with connections of its own.
 *
 * @param onResult called with each result as soon as there is one
 */
export async function runConformance(
  target: Target,
  onResult: (result: CheckResult) => void = () => undefined,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  const patience = patienceFor(target.timeoutMs);
  for (const check of conformanceChecks) {
    const result = await runCheck(check, target, patience);
    results.push(result);
    onResult(result);
  }
  return results;
}

async function runCheck(
  { name, section, level, run }: Check,
  target: Target,
  patience: Patience,
): Promise<CheckResult> {
  const statuses = new Map<number, number>();
  const onAnswer = ({ status }: Answer) => {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  };
  const client = xksClient(target, onAnswer, patience);
  try {
    await run(client);
    return { name, section, level, outcome: 'pass', evidence: answers(statuses) };
  } catch (error) {
    const outcome = error instanceof NotRun ? 'not run' : 'fail';
    return { name, section, level, outcome, evidence: oneLine(error) };
  } finally {
    client.close();
  }
}

function answers(statuses: ReadonlyMap<number, number>): string {
  if (statuses.size === 0) return 'handshakes only';
  const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`);
  return `answers: ${counts.join(', ')}`;
}

/** A text of a proxy for a terminal: printable characters only, and not too many. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [line = ''] = text.split('\n');
  return line.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MAX_EVIDENCE_CHARACTERS);
}

const MAX_EVIDENCE_CHARACTERS = 300;
