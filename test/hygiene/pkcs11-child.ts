// Has its memory searched after messages with a key of a token.
import { tokenKeyring } from './pkcs11-keyrings.ts';
import { printMessages } from './rounds.ts';

const [kind = '', modulePath = '', label = '', pin = '', rounds = ''] = process.argv.slice(2);
await printMessages(tokenKeyring(kind, { modulePath, label, pin }).keyring, { rounds: Number(rounds) });
