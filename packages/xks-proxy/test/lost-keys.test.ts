import { pbkdf2 } from 'node:crypto';
import { destroyKeys, importAesKey } from '@holdfast/pkcs11/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BASE, encryptBody } from './fixtures/bodies.ts';
import { metadata, startTestProxy, type TestProxy } from './fixtures/proxy.ts';

let proxy: TestProxy;
beforeEach(async () => {
  proxy = await startTestProxy();
});
afterEach(async () => {
  vi.useRealTimers();
  await proxy.close();
});

const call = (operation: string) => proxy.call(`${BASE}/keys/orders/${operation}`, encryptBody());
const health = () => proxy.call(`${BASE}/health`, { requestMetadata: metadata() });

describe('when the key of a tenant is destroyed', () => {
  it('its metadata is gone with it, before and after somebody tried to use it', async () => {
    await expect(call('metadata')).resolves.toMatchObject({ status: 200, json: { keyStatus: 'ENABLED' } });
    destroyKeys(proxy.token, { label: 'orders' });
    for (const operation of ['metadata', 'encrypt', 'metadata', 'encrypt']) {
      const answer = await call(operation);
      expect(answer).toMatchObject({ status: 404, json: { errorName: 'KeyNotFoundException' } });
    }
    importAesKey(proxy.token, { label: 'orders', value: new Uint8Array(32) });
    for (const operation of ['metadata', 'encrypt']) {
      await expect(call(operation)).resolves.toMatchObject({ status: 200 });
    }
  });

  it('the proxy stays healthy for the others, and the log names the key once', async () => {
    destroyKeys(proxy.token, { label: 'orders' });
    vi.useFakeTimers({ toFake: ['performance'] });
    for (let round = 0; round < 3; round += 1) {
      vi.advanceTimersByTime(3_600_000);
      const { json } = await health();
      expect(json['ekmFleetDetails']).toMatchObject([{ healthStatus: 'ACTIVE' }]);
    }
    const lines = proxy.logLines().filter(({ event }) => event === 'key-unavailable');
    expect(lines.filter(({ externalKeyId }) => externalKeyId !== 'missing')).toMatchObject([
      { store: 'acme', externalKeyId: 'orders', errorName: 'KeyNotFoundException' },
    ]);
  });
});

describe('a disabled key', () => {
  it('is never borrowed to see whether the token is well', async () => {
    await proxy.close();
    proxy = await startTestProxy((toml) =>
      toml.replaceAll(/label = "orders"\n(?!status)/g, 'label = "orders"\nstatus = "DISABLED"\n'),
    );
    destroyKeys(proxy.token, { label: 'orders' });
    // The fake clock starts at zero: this is past the lifetime of what the start has found out.
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.advanceTimersByTime(3_600_000);
    const { json } = await health();
    expect(json['ekmFleetDetails']).toMatchObject([{ healthStatus: 'ACTIVE' }]);
    const unavailable = proxy.logLines().filter(({ event }) => event === 'key-unavailable');
    expect(unavailable.map(({ externalKeyId }) => externalKeyId)).toEqual(['missing']);
  });
});

describe('when the token is slower than its callers', () => {
  const occupyThreads = () =>
    Promise.all(
      Array.from(
        { length: 4 },
        () =>
          new Promise<void>((resolve) => {
            pbkdf2('', '', 1_000_000, 32, 'sha512', () => resolve());
          }),
      ),
    );

  it('KMS is told in time, and nothing is left over for later', async () => {
    await proxy.close();
    proxy = await startTestProxy((toml) =>
      toml.replace('[[tokens]]', '[[tokens]]\nmax_sessions = 1\ncalls = "threadpool"'),
    );
    const occupied = occupyThreads();
    const answers = await Promise.all(Array.from({ length: 60 }, () => call('encrypt')));
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect(count(200) + count(429) + count(503)).toBe(60);
    expect(count(503)).toBeGreaterThan(0);
    await occupied;
    await expect.poll(async () => (await call('encrypt')).status, { timeout: 2000 }).toBe(200);
  });
});
