// CASE SIDE MESSAGE: runs the operation once, and prints the process's peak in MiB.
import { readFileSync } from 'node:fs';
import { CASES } from './cases.ts';
import { operation } from './operations.ts';

const [name, side, messagePath = ''] = process.argv.slice(2);
const found = CASES.find((candidate) => candidate.name === name);
if (found === undefined || (side !== 'ours' && side !== 'peer')) {
  throw new TypeError('expected CASE SIDE MESSAGE');
}
const call = await operation(side, found, messagePath);
await call();
process.stdout.write(`${Math.round(peakKiB() / 1024)}\n`);

/** The resource usage of a process on Linux begins with that of the process that started it. */
function peakKiB(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS;
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
}
