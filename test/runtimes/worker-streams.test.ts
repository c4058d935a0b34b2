import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundle } from './bundle.ts';
import { RUNTIMES, WORKERD } from './runtimes.ts';
import { withWorker } from './workerd.ts';

test.for([
  ['2022-11-29', 'TypeError'],
  ['2022-11-30', '42 anchors'],
] as const)('a worker as of %s gets a stream that works, or none', async ([date, outcome], { skip }) => {
  const { workerd = expect.unreachable() } = RUNTIMES;
  skip(!workerd.isInstalled() && process.env['CI'] !== 'true', 'workerd is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-worker-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [module] = (await bundle(CONTRACT, workerd.conditions)).files;
  writeFileSync(join(folder, 'contract.mjs'), module ?? expect.unreachable());
  writeFileSync(join(folder, 'main.mjs'), MAIN);
  const answer = await withWorker(WORKERD, folder, (fetchText) => fetchText('/'), date);
  // Behind it, an old one says that it does without the transformer.
  expect(answer.split('\n')[0]).toBe(outcome);
});

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
