import { expect, test } from 'vitest';
import { visitWorker } from './visit-worker.ts';

test.for([
  ['2022-11-29', 'TypeError'],
  ['2022-11-30', '42 anchors'],
] as const)(
  'a worker as of %s gets a stream that works, or none',
  async ([compatibilityDate, outcome], { skip }) => {
    const worker = { contract: CONTRACT, main: MAIN, compatibilityDate };
    const answer = await visitWorker(skip, worker, (fetchText) => fetchText('/'));
    // Behind it, an old one says that it does without the transformer.
    expect(answer.split('\n')[0]).toBe(outcome);
  },
);

const MAIN = `import { answer } from './contract.mjs';
export default { fetch: async () => new Response(await answer()) };
`;

/** Encrypts with a stream, and decrypts without. */
const CONTRACT = `
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { encryptionClient, transformStream } from '@holdfast/sdk';

export async function answer(): Promise<string> {
  const keyring = rawAesKeyring({ namespace: 'worker', name: 'key', wrappingKey: new Uint8Array(32).fill(1) });
  const client = encryptionClient();
  const source = new Response('42 anchors').body;
  try {
    const message = source.pipeThrough(transformStream(client.encryptor({ keyring })));
    const { plaintext } = await client.decrypt(new Uint8Array(await new Response(message).arrayBuffer()), { keyring });
    return new TextDecoder().decode(plaintext) + '\\n';
  } catch (error) {
    return error.name + '\\n';
  }
}
`;
