import type { Check } from './check.ts';
import { type Answer, xksClient } from './client.ts';
import { conformanceChecks } from './suite.ts';
import { NotRun, type Target } from './target.ts';

/** What came of one check. */
export interface CheckResult extends Pick<Check, 'name' | 'section' | 'level'> {
  readonly outcome: 'pass' | 'fail' | 'not run';
  /** Which answers came, by status; what was wrong with them; or what the check would have needed. One line. */
  readonly evidence: string;
}

/**
 * Puts the checks to a proxy, one after the other, with connections of their own.
 *
 * @param onResult told of every result as it comes
 */
export async function runConformance(
  target: Target,
  onResult: (result: CheckResult) => void = () => undefined,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of conformanceChecks) {
    const result = await runCheck(check, target);
    results.push(result);
    onResult(result);
  }
  return results;
}

async function runCheck({ name, section, level, run }: Check, target: Target): Promise<CheckResult> {
  const statuses = new Map<number, number>();
  const client = xksClient(target, ({ status }: Answer) => {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });
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

/** What a proxy answers ends up on a terminal: nothing but printable characters, and not all of them. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [line = ''] = text.split('\n');
  return line.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MAX_EVIDENCE_CHARACTERS);
}

const MAX_EVIDENCE_CHARACTERS = 300;
