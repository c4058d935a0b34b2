import { spawnSync } from 'node:child_process';
import { MACHINE } from './machine.ts';

/**
 * How much longer a process takes that does nothing but import a package, than one that does nothing.
 *
 * Whole processes, as a command line or a function in a cloud starts them, in turns. The share of what Node itself
 * takes depends less on what else the machine does. What is shipped is imported, not its sources.
 *
 * @param texts those packages whose names contain all of them
 */
export async function benchImport(texts: readonly string[]): Promise<void> {
  const packages = PACKAGES.filter((name) => texts.every((text) => name.includes(text)));
  const rounds: { readonly bareMs: number; readonly withPackageMs: readonly number[] }[] = [];
  while (rounds.length < ROUND_COUNT) {
    const bareMs = durationMs('0');
    rounds.push({ bareMs, withPackageMs: packages.map((name) => durationMs(`import('${name}')`)) });
  }
  const over = (figure: (round: (typeof rounds)[number]) => number): number => median(rounds.map(figure));
  console.log(MACHINE);
  console.log(
    `${over(({ bareMs }) => bareMs)
      .toFixed(1)
      .padStart(8)} ms  Node alone`,
  );
  for (const [index, name] of packages.entries()) {
    const extraMs = over(({ bareMs, withPackageMs }) => (withPackageMs[index] ?? Number.NaN) - bareMs);
    const share = over(({ bareMs, withPackageMs }) => (withPackageMs[index] ?? Number.NaN) / bareMs - 1);
    console.log(`+${extraMs.toFixed(1).padStart(7)} ms  ${name}: ${Math.round(share * 100)} % of that`);
  }
}

function durationMs(program: string): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const PACKAGES = ['@holdfast/sdk', '@aws-crypto/client-node'];
/** Odd, so that the median is one of them. */
const ROUND_COUNT = 31;
