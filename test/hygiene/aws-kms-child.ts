// Has its memory searched after messages with a key of AWS KMS.
import { KMSClient } from '@aws-sdk/client-kms';
import { keyringOf } from './aws-kms-keyrings.ts';
import { printMessages } from './rounds.ts';

const [kind = '', keyArn = '', rounds = ''] = process.argv.slice(2);
await printMessages(await keyringOf(kind, new KMSClient(), keyArn), { rounds: Number(rounds) });
