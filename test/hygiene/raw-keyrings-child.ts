// Has its memory searched after messages with a raw keyring.
import { rawKeyrings } from './raw-keyrings.ts';
import { printMessages } from './rounds.ts';

const [name = '', hexKey = '', rounds = ''] = process.argv.slice(2);
const key = Buffer.from(hexKey, 'hex');
const keyring = rawKeyrings[name]?.keyring(key);
if (keyring === undefined) throw new Error(`no keyring ${name}`);
await printMessages(keyring, { rounds: Number(rounds) });
// Until then it can be found, which shows that the search works.
process.stdin.on('close', () => key.fill(0));
