// Encrypts and decrypts with a key of a token, collects its garbage, and waits to have its memory searched. Prints its
// messages in hex.
import { encryptionClient } from '@holdfast/sdk';
import { tokenKeyring } from './pkcs11-keyrings.ts';

const [kind = '', modulePath = '', label = '', pin = '', rounds = ''] = process.argv.slice(2);
const { keyring } = tokenKeyring(kind, { modulePath, label, pin });
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
