import { CASES } from './cases.ts';
import { operation } from './operations.ts';
import { writeMessage } from './streams.ts';

const [name = '', side = 'ours', n = '2'] = process.argv.slice(2);
const c = CASES.find((x) => x.name === name);
if (!c) throw new Error('?');
const path = '/tmp/p1/message';
if (c.direction === 'decrypt' && c.form === 'stream') await writeMessage(c.workload, path);
const op = await operation(side as 'ours', c, path);
await op();
const c0 = process.cpuUsage();
const t = performance.now();
for (let i = 0; i < +n; i++) await op();
const u = process.cpuUsage(c0);
console.log(
  name,
  side,
  'cpu ms/op',
  ((u.user + u.system) / 1000 / +n).toFixed(2),
  'user',
  (u.user / 1000 / +n).toFixed(1),
  'wall',
  ((performance.now() - t) / +n).toFixed(1),
);
