// Encrypts and decrypts, collects its garbage, and waits to have its memory searched. Prints its messages in hex.
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { encryptionClient } from '@holdfast/sdk';

const [wrappingKey = '', rounds = '', suite = ''] = process.argv.slice(2);
const keyring = rawAesKeyring({
  namespace: 'hygiene',
  name: 'key',
  wrappingKey: Buffer.from(wrappingKey, 'hex'),
});
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
process.stdin.resume();
