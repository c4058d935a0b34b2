// npm run bench -- [TEXT]: every comparison, or those whose title contains TEXT, as a plain table of ratios.
import { cpus } from 'node:os';
import { compare, type Subject } from './compare.ts';
import { messages } from './messages.ts';

const [text = ''] = process.argv.slice(2);
const groups = [{ against: '@aws-crypto/client-node', subjects: messages }];

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`);
for (const { against, subjects } of groups) {
  console.log(`\n${row('Holdfast', against, 'ratio', 'by CPU', '')}`);
  for await (const subject of subjects()) {
    if (!subject.title.includes(text)) continue;
    const { ours, theirs, ratio, cpuRatio } = await compare(subject);
    console.log(
      row(rate(ours, subject), rate(theirs, subject), ratio.toFixed(1), cpuRatio.toFixed(1), subject.title),
    );
  }
}

function row(ours: string, theirs: string, ratio: string, cpuRatio: string, title: string): string {
  return `${ours.padStart(11)}${theirs.padStart(25)}${ratio.padStart(7)}${cpuRatio.padStart(8)}  ${title}`.trimEnd();
}

/** Small messages by number, large ones by volume. */
function rate(operationsPerSecond: number, { bytes }: Subject): string {
  const MiB = 2 ** 20;
  return bytes < MiB
    ? `${Math.round(operationsPerSecond)} op/s`
    : `${Math.round((operationsPerSecond * bytes) / MiB)} MiB/s`;
}
