import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { addCredential, revokeCredential } from '../../src/credentials/edit-credentials.ts';
import { createKey } from '../../src/keys/create.ts';
import { changeStatus } from '../../src/keys/key-status.ts';
import { rotateKey } from '../../src/keys/rotate.ts';
import { type RunningProxy, startProxy } from '../../src/server.ts';
import { BASE, decryptBody, encryptBody } from '../fixtures/bodies.ts';
import { requestBytes } from '../fixtures/proxy.ts';
import { exchange } from '../fixtures/raw-http.ts';
import { writeConfigWithFiles } from '../fixtures/store-files.ts';

let files: Awaited<ReturnType<typeof writeConfigWithFiles>>;
let proxy: RunningProxy;
beforeAll(async () => {
  files = await writeConfigWithFiles();
  proxy = await startProxy(loadConfig(files.configFile));
});
afterAll(async () => {
  await proxy.close();
  files.dispose();
});

afterEach(() => void vi.useRealTimers());

const follow = () => proxy.reload(() => loadConfig(files.configFile));
function call(path: string, body: unknown, credential = files.credentials.acme) {
  const host = `localhost:${proxy.port}`;
  const request = requestBytes(`${BASE}/keys/${path}`, JSON.stringify(body), {}, host, credential);
  return exchange({ port: proxy.port, ca: files.ca }, request);
}

it('a key that the command line makes, rotates and blocks serves, keeps its ciphertext, and stops', async () => {
  await createKey(files.place, { externalKeyId: 'live' });
  await follow();
  const first = (await call('live/encrypt', encryptBody())).json;
  expect(first).toMatchObject({ ciphertextMetadata: Buffer.from('820101', 'hex').toString('base64') });

  const { encryptsFrom = expect.unreachable() } = await rotateKey(files.place, 'live');
  await follow();
  vi.useFakeTimers({ toFake: ['Date'], now: encryptsFrom.getTime() - 1 });
  const early = (await call('live/encrypt', encryptBody())).json;
  expect(early).toMatchObject({ ciphertextMetadata: Buffer.from('820101', 'hex').toString('base64') });
  vi.setSystemTime(encryptsFrom);
  const second = (await call('live/encrypt', encryptBody())).json;
  expect(second).toMatchObject({ ciphertextMetadata: Buffer.from('820102', 'hex').toString('base64') });
  // A process whose clock is behind decrypts what another has encrypted.
  vi.setSystemTime(encryptsFrom.getTime() - 2000);
  for (const sealed of [first, early, second])
    await expect(call('live/decrypt', decryptBody(sealed))).resolves.toMatchObject({ status: 200 });

  await changeStatus(files.place, 'live', 'block');
  await follow();
  await expect(call('live/decrypt', decryptBody(first))).resolves.toMatchObject({
    status: 400,
    json: { errorName: 'InvalidStateException' },
  });
});

it('a credential that is added serves beside the others until it is revoked', async () => {
  const added = await addCredential(files.place);
  await follow();
  await expect(call('orders/encrypt', encryptBody(), added)).resolves.toMatchObject({ status: 200 });
  await expect(call('orders/encrypt', encryptBody())).resolves.toMatchObject({ status: 200 });
  await revokeCredential(files.place, added.accessKeyId);
  await follow();
  await expect(call('orders/encrypt', encryptBody(), added)).resolves.toMatchObject({ status: 401 });
});
