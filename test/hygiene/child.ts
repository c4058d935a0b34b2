// Has its memory searched after messages with a raw AES keyring.
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { printMessages } from './rounds.ts';

const [wrappingKeyText = '', rounds = '', suite = ''] = process.argv.slice(2);
// In memory all the time, so that a search can be seen to find something.
const wrappingKey = Buffer.from(wrappingKeyText, 'hex');
const keyring = rawAesKeyring({ namespace: 'hygiene', name: 'key', wrappingKey });
await printMessages(keyring, { rounds: Number(rounds), suite: suite === 'signed' ? 0x0578 : 0x0478 });
