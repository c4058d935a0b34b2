import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModule } from '@holdfast/pkcs11';
import { importKey } from '@holdfast/pkcs11/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BASE, decryptBody, encryptBody } from '../../packages/xks-proxy/test/fixtures/bodies.ts';
import { startTestProxy } from '../../packages/xks-proxy/test/fixtures/proxy.ts';
import { createShim, hasCompiler, type Shim } from './shim.ts';

describe.skipIf(!hasCompiler())('a key of one name on two tokens', () => {
  it('is served by the preferred one alone where the other has another key', async () => {
    const { proxy, shim, encrypt, decrypt, leftOut } = await twoTokens();
    await proxy.reload((toml) => toml);
    expect(leftOut()).toEqual(['second is left out']);
    const [same, different] = [await encrypt('same'), await encrypt('different')];
    expect([same.status, different.status]).toEqual([200, 200]);

    shim.fail('C_EncryptInit', { returns: CKR_DEVICE_REMOVED }, -1);
    shim.fail('C_DecryptInit', { returns: CKR_DEVICE_REMOVED }, -1);
    for (let round = 0; round < 8; round += 1) {
      await expect(encrypt('same')).resolves.toMatchObject({ status: 200 });
      for (const refused of [encrypt('different'), decrypt('different', different.json)])
        await expect(refused).resolves.toMatchObject({
          status: 500,
          json: { errorName: 'InternalException' },
        });
    }
    shim.heal();
    const healed = async () => (await decrypt('different', different.json)).status;
    await expect.poll(healed, { timeout: 10_000 }).toBe(200);
    await expect(decrypt('same', same.json)).resolves.toMatchObject({ status: 200 });
    expect(leftOut()).toEqual(['second is left out']);
  });

  it('is served by the one that there was, where the other has another key when it is back', async () => {
    const { proxy, shim, encrypt, decrypt, leftOut } = await twoTokens((broken) =>
      broken.fail('C_OpenSession', { returns: CKR_TOKEN_NOT_PRESENT }, -1),
    );
    await proxy.reload((toml) => toml);
    const sealed = await encrypt('different');
    expect(sealed).toMatchObject({ status: 200 });
    expect(leftOut()).toEqual([]);

    shim.heal();
    const servedBy = async () => {
      await expect(encrypt('same')).resolves.toMatchObject({ status: 200 });
      return proxy.logLines().findLast(({ event }) => event === 'request')?.['token'];
    };
    await expect.poll(servedBy, { timeout: 20_000 }).toBe('first');
    await expect(decrypt('different', sealed.json)).resolves.toMatchObject({ status: 200 });
    expect(leftOut()).toEqual(['first is left out']);
  });

  it('is asked for once by all configurations, as long as no token fails', async () => {
    const { proxy, shim, leftOut } = await twoTokens();
    await proxy.reload((toml) => toml);
    shim.fail('C_EncryptInit', { delayMs: 0 }, -1);
    shim.fail('C_DecryptInit', { delayMs: 0 }, -1);
    for (let round = 0; round < 3; round += 1) await proxy.reload((toml) => toml);
    // One of each in every configuration is to see whether the token is well.
    expect([shim.hits('C_EncryptInit'), shim.hits('C_DecryptInit')]).toEqual([3, 3]);
    expect(leftOut()).toEqual(Array.from({ length: 4 }, () => 'second is left out'));
  });
});

/** A proxy on the tokens `first`, behind the shim, and `second`, with keys that have the same name. */
async function twoTokens(fail: (shim: Shim) => void = () => undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-shared-'));
  const shims: Shim[] = [];
  const onBoth = (toml: string): string => {
    const row = /\[\[tokens\]\]\n([^[]*)/.exec(toml)?.[1] ?? '';
    const modulePath = shims[0]?.modulePath ?? expect.unreachable();
    const first = row.replace(/module = ".*"/, `name = "first"\nmodule = "${modulePath}"\ncalls = "inline"`);
    const second = row
      .replace(/label = ".*"/, `label = "second"\nname = "second"\ncalls = "inline"`)
      .replace(/pin_file = ".*"/, `pin_file = "${join(folder, 'pin')}"`);
    return toml.replace(row, `${first}[[tokens]]\n${second}`);
  };
  const proxy = await startTestProxy((toml) => {
    const real = /module = "(.*)"/.exec(toml)?.[1] ?? '';
    const module = openModule({ path: real });
    module.initializeToken({ label: 'second', pin: PIN, soPin: PIN });
    module.close();
    writeFileSync(join(folder, 'pin'), `${PIN}\n`);
    const shim = createShim(real);
    shims.push(shim);
    fail(shim);
    return onBoth(toml);
  });
  const [shim = expect.unreachable()] = shims;
  onTestFinished(async () => {
    shim.heal();
    await proxy.close();
    shim.dispose();
    rmSync(folder, { recursive: true });
  });
  const value = randomBytes(32);
  for (const token of [proxy.token, { ...proxy.token, label: 'second', pin: PIN }]) {
    importKey(token, { label: 'same', value });
    importKey(token, { label: 'different', value: randomBytes(32) });
  }
  const withKeys = (toml: string) =>
    onBoth(toml).replace(
      /\[\[stores.keys\]\][^]*?(?=\[\[stores\]\])/,
      ['same', 'different']
        .map((label) => `[[stores.keys]]\nexternal_key_id = "${label}"\nlabel = "${label}"\n`)
        .join(''),
    );
  const call = (path: string, body: unknown) => proxy.call(`${BASE}/keys/${path}`, body);
  return {
    proxy: {
      ...proxy,
      reload: (change: (toml: string) => string) => proxy.reload((toml) => change(withKeys(toml))),
    },
    shim,
    encrypt: (key: string) => call(`${key}/encrypt`, encryptBody()),
    decrypt: (key: string, sealed: Readonly<Record<string, unknown>>) =>
      call(`${key}/decrypt`, decryptBody(sealed)),
    leftOut: () =>
      proxy
        .logLines()
        .filter(({ event, externalKeyId }) => event === 'key-unavailable' && externalKeyId === 'different')
        .flatMap(({ reason }) => (String(reason).endsWith('is left out') ? [reason] : [])),
  };
}

const PIN = 'second-pin';
const CKR_DEVICE_REMOVED = 0x32;
const CKR_TOKEN_NOT_PRESENT = 0xe0;
