// Encrypts and decrypts, collects its garbage, and waits to have its memory searched. Prints its messages in hex.
import { pkcs11Keyring } from '@holdfast/keyrings/pkcs11';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { openModule } from '@holdfast/pkcs11';
import { encryptionClient } from '@holdfast/sdk';

const [wrappingKeyText = '', rounds = '', suite = ''] = process.argv.slice(2);
// In memory with either keyring, so that a search can be seen to find something.
const wrappingKey = Buffer.from(wrappingKeyText, 'hex');
const names = { namespace: 'hygiene', name: 'key' };
const { PKCS11_MODULE: path, PKCS11_PIN: pin = '', PKCS11_TOKEN: label = '' } = process.env;
const keyring =
  path === undefined
    ? rawAesKeyring({ ...names, wrappingKey })
    : pkcs11Keyring({
        ...names,
        key: openModule({ path }).openToken({ label, pin }).key({ label: 'key' }),
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
