// Encrypts and decrypts with a key of AWS KMS, collects its garbage, and waits to have its memory searched. Prints its
// messages in hex.
import { KMSClient } from '@aws-sdk/client-kms';
import { encryptionClient } from '@holdfast/sdk';
import { keyringOf } from './aws-kms-keyrings.ts';

const [kind = '', keyArn = '', rounds = ''] = process.argv.slice(2);
const keyring = await keyringOf(kind, new KMSClient(), keyArn);
const client = encryptionClient();
const messages: string[] = [];
for (let round = 0; round < Number(rounds); round++) {
  const { message } = await client.encrypt(new Uint8Array(100), { keyring, suite: 0x0478 });
  await client.decrypt(message, { keyring });
  messages.push(Buffer.from(message).toString('hex'));
}
for (let collections = 0; collections < 5; collections++) {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 20));
}
process.stdout.write(`${messages.join('\n')}\n\n`);
process.stdin.resume();
