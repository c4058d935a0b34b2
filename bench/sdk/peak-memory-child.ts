// CASE SIDE MESSAGE: runs the operation once, and prints the process's peak in MiB.
import { CASES } from './cases.ts';
import { operations } from './operations.ts';

const [name, side, messagePath = ''] = process.argv.slice(2);
const found = CASES.find((candidate) => candidate.name === name);
if (found === undefined || (side !== 'ours' && side !== 'peer' && side !== 'floor')) {
  throw new TypeError('expected CASE SIDE MESSAGE');
}
await (await operations(found, messagePath))[side]();
process.stdout.write(`${Math.round(process.resourceUsage().maxRSS / 1024)}\n`);
