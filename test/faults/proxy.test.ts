import { setTimeout as sleep } from 'node:timers/promises';
import { createShim, hasCompiler, type Shim } from '@holdfast/testbed/shim';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BASE, encryptBody } from '../../packages/xks-proxy/test/fixtures/bodies.ts';
import { metadata, startTestProxy, type TestProxy } from '../../packages/xks-proxy/test/fixtures/proxy.ts';
import { onTwoTokens } from './fixture.ts';

describe.skipIf(!hasCompiler())('a proxy with one token that fails, and one that does not', () => {
  let proxy: TestProxy;
  let shim: Shim;
  afterEach(async () => {
    shim.heal();
    await proxy.close();
    shim.dispose();
  });

  /** Store `acme` is on the token behind the shim, store `other` on the same one without it. */
  const start = async (tokensOfAcme: string, fail: () => void = () => undefined) => {
    proxy = await startTestProxy((toml) => {
      const real = /module = "(.*)"/.exec(toml)?.[1] ?? '';
      shim = createShim(real);
      fail();
      return onTwoTokens(toml, shim, tokensOfAcme);
    });
  };
  const acme = () => proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody());
  const other = () =>
    proxy.call('/kms/xks/v1/keys/orders/encrypt', encryptBody(), { signing: proxy.credentials.other });
  const health = async () => (await proxy.call(`${BASE}/health`, { requestMetadata: metadata() })).json;
  const statuses = async () => {
    const json = await health();
    return JSON.stringify(json['ekmFleetDetails']).match(/ACTIVE|DEGRADED|UNAVAILABLE/g);
  };

  describe('when its module hangs', () => {
    beforeEach(() => start('["faulty"]'));

    // How fast both are, test/load measures.
    it('is answered with 503 at its deadline, and the other store does not wait for that', async () => {
      await expect(acme()).resolves.toMatchObject({ status: 200 });
      await expect(other()).resolves.toMatchObject({ status: 200 });
      shim.fail('C_EncryptInit', 'hang', -1);
      const order: number[] = [];
      const answered = async (answer: ReturnType<typeof acme>) => order.push((await answer).status);
      const hanging = [acme(), acme()];
      await Promise.all([...hanging, other()].map(answered));
      expect(order).toEqual([200, 503, 503]);
      for (const answer of await Promise.all(hanging)) {
        expect(answer).toMatchObject({ json: { errorName: 'DependencyTimeoutException' } });
      }
      const durations = proxy
        .logLines()
        .flatMap(({ status, durationMs }) => (status === 503 ? [Number(durationMs)] : []));
      // Without a deadline they would wait until a thread is given up, which takes a second.
      expect(Math.min(...durations)).toBeLessThan(900);
      // It takes a few more of them until the token is left alone.
      const afterOneMore = async () => {
        await acme();
        return statuses();
      };
      await expect.poll(afterOneMore).toEqual(['UNAVAILABLE', 'ACTIVE']);
      shim.heal();
      await expect.poll(async () => (await acme()).status, { timeout: 3000 }).toBe(200);
      expect(await statuses()).toContain('ACTIVE');
    });
  });

  describe('when both have its keys', () => {
    beforeEach(() => start('["faulty", "well"]'));

    it('loses no request to a token that is gone, and says that it is', async () => {
      await expect(acme()).resolves.toMatchObject({ status: 200 });
      shim.fail('C_EncryptInit', { returns: 0xe0 }, -1);
      for (let round = 0; round < 12; round += 1) {
        await expect(acme()).resolves.toMatchObject({ status: 200 });
      }
      expect(await statuses()).toEqual(['UNAVAILABLE', 'ACTIVE']);
    });

    it('uses the preferred one again soon after it is back, whoever asks for its health', async () => {
      const servedBy = async () => {
        await expect(acme()).resolves.toMatchObject({ status: 200 });
        return proxy.logLines().findLast(({ event }) => event === 'request')?.['token'];
      };
      shim.fail('C_EncryptInit', { returns: 0xe0 }, -1);
      for (let round = 0; round < 12; round += 1) expect(await servedBy()).toBe('well');
      shim.heal();
      await expect.poll(servedBy, { timeout: 10_000 }).toBe('faulty');
    });

    it('leaves one alone that hangs: what looks for it would hang as well', async () => {
      await expect(acme()).resolves.toMatchObject({ status: 200 });
      shim.fail('C_EncryptInit', 'hang', -1);
      for (let round = 0; round < 12; round += 1) {
        await expect(acme()).resolves.toMatchObject({ status: 200 });
      }
      const hits = shim.hits('C_EncryptInit');
      await sleep(4000);
      expect(shim.hits('C_EncryptInit')).toBe(hits);
    });
  });

  it('starts although one token is out, and takes it in when it is there', async () => {
    await start('["faulty", "well"]', () => shim.fail('C_OpenSession', { returns: 0xe0 }, -1));
    await expect(acme()).resolves.toMatchObject({ status: 200 });
    expect(await statuses()).toEqual(['UNAVAILABLE', 'ACTIVE']);
    expect(await health()).toMatchObject({ ekmVendor: 'unknown' });
    shim.heal();
    const afterOneMore = async () => {
      await acme();
      return statuses();
    };
    await expect.poll(afterOneMore, { timeout: 15_000 }).toEqual(['DEGRADED', 'ACTIVE']);
    expect((await health())['ekmVendor']).toMatch(/softhsm/i);
  });
});
