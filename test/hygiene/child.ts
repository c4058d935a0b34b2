// Encrypts and decrypts, collects its garbage, and waits to have its memory searched. Prints its messages in hex.
import { encryptionClient } from '@holdfast/sdk';
import { keyringKinds } from './keyrings.ts';

const [kind = '', hexKey = '', rounds = '', suite = ''] = process.argv.slice(2);
const key = Buffer.from(hexKey, 'hex');
const keyring = keyringKinds[kind]?.keyring(key);
if (keyring === undefined) throw new Error(`no keyring ${kind}`);
const client = encryptionClient();
const messages: string[] = [];
for (let round = 0; round < Number(rounds); round++) {
  const plaintext = new Uint8Array(100);
  const { message } = await client.encrypt(plaintext, {
    keyring,
    suite: suite === 'signed' ? 0x0578 : 0x0478,
  });
  await client.decrypt(message, { keyring });
  messages.push(Buffer.from(message).toString('hex'));
}
for (let collections = 0; collections < 5; collections++) {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 20));
}
process.stdout.write(`${messages.join('\n')}\n\n`);
// To be found, while it waits: what shows that the search works.
process.stdin.on('close', () => key.fill(0)).resume();
