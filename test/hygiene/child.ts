// Has its memory searched after messages with a key of a kind.
import { KINDS } from './kinds.ts';
import { printMessages } from './rounds.ts';

const [name = '', rounds = '', controlText = '', ...address] = process.argv.slice(2);
const control = Buffer.from(controlText, 'hex');
const kind = KINDS[name];
if (kind === undefined) throw new Error(`no such kind: ${name}`);
const { keyring } = await kind.open(...address);
await printMessages(keyring, { rounds: Number(rounds), suite: kind.suite });
// Until then it can be found, which shows that the search works.
process.stdin.on('close', () => control.fill(0));
