// Has its memory searched after it gave up on a message that lacks its end.
import { readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { encryptionClient, iterate } from '@holdfast/sdk';
import { duplex } from '@holdfast/sdk/node';

const [wrappingKeyText = '', file = '', way = ''] = process.argv.slice(2);
// In memory all the time, so that a search can be seen to find something.
const wrappingKey = Buffer.from(wrappingKeyText, 'hex');
const keyring = rawAesKeyring({ namespace: 'hygiene', name: 'key', wrappingKey });
const client = encryptionClient();

async function* failingSource(): AsyncGenerator<Uint8Array> {
  const message = readFileSync(file);
  for (let start = 0; start < message.length; start += 10_000) yield message.subarray(start, start + 10_000);
  await Promise.reject(new Error('no more'));
}

const WAYS: Readonly<Record<string, () => Promise<unknown>>> = {
  'in one piece': () => client.decrypt(readFileSync(file), { keyring }),
  'by its decryptor': async () => {
    const decryptor = client.decryptor({ keyring });
    for (const chunk of [readFileSync(file)]) await decryptor.update(chunk);
    decryptor.abort();
  },
  'by iterate': async () => {
    for await (const _ of iterate(client.decryptor({ keyring }), failingSource()));
  },
  'by a Node stream': () => pipeline(failingSource(), duplex(client.decryptor({ keyring })), process.stderr),
};
await WAYS[way]?.().catch(() => undefined);

for (let collections = 0; collections < 5; collections++) {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 20));
}
process.stdout.write('done\n');
process.stdin.resume();
