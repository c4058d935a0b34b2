// npm run fuzz -- [--seconds N] [--cases N] [--seed S]: decrypts changed messages and reports what should not be.
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, cases: { type: 'string' }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const cases = values.cases === undefined ? Infinity : Number(values.cases);
const seconds = Number(values.seconds ?? (cases === Infinity ? 60 : Infinity));
if (![seed, cases, seconds].every((value) => value >= 0)) {
  process.stderr.write('usage: npm run fuzz -- [--seconds N] [--cases N] [--seed S]\n');
  process.exit(2);
}

const before = process.memoryUsage().heapUsed;
const report = await fuzz({ seed, seconds, cases });
const heap = ((process.memoryUsage().heapUsed - before) / 2 ** 20).toFixed(1);
const { accepted, crashes, slow, divergent } = report;
for (const [kind, findings] of Object.entries({ accepted, crashes, slow, divergent })) {
  for (const finding of findings.slice(0, 20)) process.stdout.write(`${kind} ${finding}\n`);
}
process.stdout.write(
  `Fuzz: ${report.cases} cases, ${accepted.length} accepted, ${crashes.length} crashes, ` +
    `${slow.length} hangs, ${divergent.length} different in pieces, heap ${heap} MiB, seed ${seed}\n`,
);
process.exitCode = accepted.length + crashes.length + slow.length + divergent.length === 0 ? 0 : 1;
