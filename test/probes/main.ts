// npm run probes -- kms [TEXT]: asks the local KMS, and moto where it is installed, whether they do what AWS KMS does.
import { kmsProbes } from './kms.ts';
import type { Probe } from './probe.ts';
import { type ProbeResult, runProbes } from './run.ts';
import { type RunningTarget, startLocalKms, startMoto } from './targets.ts';

const [suite, text = ''] = process.argv.slice(2);
const probes = kmsProbes.filter(({ title }) => title.includes(text));
if (suite !== 'kms' || probes.length === 0) {
  process.stderr.write('usage: npm run probes -- kms [TEXT]\n');
  process.exit(2);
}

const ours = await resultsOf(probes, await startLocalKms());
const moto = await startMoto();
const theirs = moto && (await resultsOf(probes, moto));
for (const [position, { title, failure }] of ours.entries()) {
  const other = theirs?.[position];
  const columns = [mark(failure), ...(other ? [mark(other.failure)] : []), title];
  const reason = failure ?? other?.failure;
  process.stdout.write(`${columns.join('  ')}${reason === undefined ? '' : ` (${reason})`}\n`);
}
process.stdout.write(
  `\nlocal-kms ${score(ours)}${theirs ? `, moto ${score(theirs)}` : '; moto is not installed'}\n`,
);
process.exitCode = ours.every(({ failure }) => failure === undefined) ? 0 : 1;

async function resultsOf(asked: readonly Probe[], target: RunningTarget): Promise<readonly ProbeResult[]> {
  try {
    return await runProbes(asked, target, { timeoutMs: 60_000 });
  } finally {
    await target.stop();
  }
}

function mark(failure: string | undefined): string {
  return failure === undefined ? 'ok  ' : 'FAIL';
}

function score(results: readonly ProbeResult[]): string {
  return `${results.filter(({ failure }) => failure === undefined).length} of ${results.length}`;
}
