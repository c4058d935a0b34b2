import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createKey } from '../../src/keys/create.ts';
import { rotateKey } from '../../src/keys/rotate.ts';
import { BASE, decryptBody } from '../fixtures/bodies.ts';
import { requestBytes } from '../fixtures/proxy.ts';
import { exchange } from '../fixtures/raw-http.ts';
import { startServeProcess } from '../fixtures/serve-process.ts';
import { encryptFrom, writeConfigWithFiles } from '../fixtures/store-files.ts';

it('while a key is rotated, each of several processes decrypts what any of them has encrypted', async () => {
  const files = await writeConfigWithFiles();
  await createKey(files.place, { externalKeyId: 'rotated' });
  const proxy = startServeProcess(files, '--workers', '2');
  onTestFinished(async () => {
    proxy.kill('SIGTERM');
    await proxy.exit;
    files.dispose();
  });
  await proxy.listening(2);
  const port = Number(proxy.events('listening')[0]?.['port']);
  const decrypt = (sealed: Readonly<Record<string, unknown>>) => {
    const body = JSON.stringify(decryptBody(sealed));
    const path = `${BASE}/keys/rotated/decrypt`;
    const request = requestBytes(path, body, {}, `localhost:${port}`, files.credentials.acme);
    return exchange({ port, ca: files.ca }, request);
  };

  await rotateKey(files.place, 'rotated');
  await expect.poll(() => proxy.events('reloaded').length, { timeout: 20_000 }).toBe(2);
  const used = new Set([(await proxy.encrypt('rotated')).json['ciphertextMetadata']]);
  encryptFrom(files.keysFile, new Date(Date.now() + 2_000));
  const deadlineMs = performance.now() + 30_000;
  for (let later = 0; later < 20 && performance.now() < deadlineMs; await sleep(10)) {
    const { status, json: sealed } = await proxy.encrypt('rotated');
    expect(status).toBe(200);
    used.add(sealed['ciphertextMetadata']);
    if (used.size === 2) later += 1;
    // Connections go to the processes in turn.
    for (const answer of await Promise.all([decrypt(sealed), decrypt(sealed)]))
      expect(answer).toMatchObject({ status: 200, json: { plaintext: 'SGVsbG8gV29ybGQh' } });
  }
  expect([...used]).toEqual(['820101', '820102'].map((hex) => Buffer.from(hex, 'hex').toString('base64')));
}, 60_000);
