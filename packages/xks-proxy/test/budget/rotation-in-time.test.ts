import { appendFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { createKey } from '../../src/keys/create.ts';
import { startServeProcess } from '../fixtures/serve-process.ts';
import { encryptFrom, writeConfigWithFiles } from '../fixtures/store-files.ts';

/** A proxy whose keys may encrypt 16 messages, and are rotated in time. */
async function startFrugalProxy() {
  const files = await writeConfigWithFiles();
  await createKey(files.place, { externalKeyId: 'busy' });
  appendFileSync(files.configFile, '[iv_budget]\nlimit = 16\nat_limit = "rotate"\n');
  const proxy = startServeProcess(files);
  onTestFinished(async () => {
    proxy.kill('SIGTERM');
    await proxy.exit;
    files.dispose();
  });
  await proxy.listening(1);
  return { files, proxy };
}

it('a key is rotated before it has encrypted all that it may, and no request fails for it', async () => {
  const { files, proxy } = await startFrugalProxy();
  const encryptWithVersion = async (version: number) => {
    const metadata = Buffer.of(0x82, 1, version).toString('base64');
    await expect(proxy.encrypt('busy')).resolves.toMatchObject({
      status: 200,
      json: { ciphertextMetadata: metadata },
    });
  };
  for (let message = 0; message < 14; message += 1) await encryptWithVersion(1);
  await expect
    .poll(() => proxy.events('iv-budget'))
    .toMatchObject([{ stage: 'half' }, { stage: 'nearly-used' }]);
  await expect.poll(() => proxy.events('reloaded').length, { timeout: 10_000 }).toBe(1);
  await encryptWithVersion(1);
  encryptFrom(files.keysFile, new Date());
  await expect.poll(() => proxy.events('reloaded').length, { timeout: 10_000 }).toBe(2);
  for (let message = 0; message < 13; message += 1) await encryptWithVersion(2);
}, 60_000);

it('what keeps a key from being rotated is told', async () => {
  const { proxy } = await startFrugalProxy();
  // The key is in the configuration itself, which the proxy never changes.
  for (let message = 0; message < 14; message += 1) await proxy.encrypt('orders');
  await expect
    .poll(() => proxy.events('rotation-failed')[0], { timeout: 10_000 })
    .toMatchObject({ store: 'acme', externalKeyId: 'orders', cause: 'CHANGE_REFUSED' });
}, 60_000);
