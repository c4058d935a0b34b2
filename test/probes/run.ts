import type { Probe, Target } from './probe.ts';

/** What came of a probe: nothing more to say, or why it failed. */
export interface ProbeResult {
  readonly title: string;
  readonly failure: string | undefined;
}

/** Runs probes one after another; none waits longer than its time. */
export async function runProbes(
  probes: readonly Probe[],
  target: Target,
  { timeoutMs }: { timeoutMs: number },
): Promise<readonly ProbeResult[]> {
  const results: ProbeResult[] = [];
  for (const { title, run } of probes) {
    const outcome = run(target).then(
      () => undefined,
      (error: unknown) => firstLine(error),
    );
    results.push({ title, failure: await Promise.race([outcome, expiry(timeoutMs)]) });
  }
  return results;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.split('\n')[0] ?? text;
}

function expiry(timeoutMs: number): Promise<string> {
  return new Promise((resolve) => void setTimeout(() => resolve('no answer in time'), timeoutMs).unref());
}
