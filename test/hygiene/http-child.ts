// Has its memory searched after messages with a key of a service over HTTP.
import { httpKeyring } from './http-keyrings.ts';
import { printMessages } from './rounds.ts';

const [kind = '', address = '', token = '', rounds = ''] = process.argv.slice(2);
await printMessages(httpKeyring(kind, address, token), { rounds: Number(rounds) });
