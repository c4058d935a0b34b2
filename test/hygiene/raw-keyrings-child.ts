// Encrypts and decrypts with a raw keyring, collects its garbage, and waits to have its memory searched. Prints its
// messages in hex.
import { encryptionClient } from '@holdfast/sdk';
import { rawKeyrings } from './raw-keyrings.ts';

const [name = '', hexKey = '', rounds = ''] = process.argv.slice(2);
const key = Buffer.from(hexKey, 'hex');
const keyring = rawKeyrings[name]?.keyring(key);
if (keyring === undefined) throw new Error(`no keyring ${name}`);
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
// Until then it can be found, which shows that the search works.
process.stdin.on('close', () => key.fill(0)).resume();
