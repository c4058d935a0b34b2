import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModule } from '@holdfast/pkcs11';
import { importAesKey } from '@holdfast/pkcs11/testing';
import { createShim, hasCompiler, type Shim } from '@holdfast/testbed/shim';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BASE, encryptBody } from '../../packages/xks-proxy/test/fixtures/bodies.ts';
import { startTestProxy } from '../../packages/xks-proxy/test/fixtures/proxy.ts';

describe.skipIf(!hasCompiler())('a key of one name on two tokens', () => {
  it('is told of where the other has another key', async () => {
    const { proxy, otherKeys } = await twoTokens();
    await proxy.reload((toml) => toml);
    await expect.poll(otherKeys).toEqual([['different', 'second has another key by this name than first']]);
  });

  it('is compared when a configuration is opened while both tokens are there', async () => {
    const { proxy, shim, encrypt, otherKeys } = await twoTokens((broken) =>
      broken.fail('C_OpenSession', { returns: CKR_TOKEN_NOT_PRESENT }, -1),
    );
    await proxy.reload((toml) => toml);
    expect(await encrypt('different')).toMatchObject({ status: 200 });
    expect(otherKeys()).toEqual([]);

    shim.heal();
    const servedBy = async () => {
      await expect(encrypt('same')).resolves.toMatchObject({ status: 200 });
      return proxy.logLines().findLast(({ event }) => event === 'request')?.['token'];
    };
    await expect.poll(servedBy, { timeout: 20_000 }).toBe('first');
    await proxy.reload((toml) => toml);
    await expect.poll(otherKeys).toEqual([['different', 'second has another key by this name than first']]);
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
    importAesKey(token, { label: 'same', value });
    importAesKey(token, { label: 'different', value: randomBytes(32) });
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
    otherKeys: () =>
      proxy
        .logLines()
        .filter(({ event, reason }) => event === 'key-unavailable' && /another key/.test(String(reason)))
        .map(({ externalKeyId, reason }) => [externalKeyId, reason]),
  };
}

const PIN = 'second-pin';
const CKR_TOKEN_NOT_PRESENT = 0xe0;
