import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BASE, encryptBody } from '../../packages/xks-proxy/test/fixtures/bodies.ts';
import { metadata, startTestProxy, type TestProxy } from '../../packages/xks-proxy/test/fixtures/proxy.ts';
import { onTwoTokens } from './fixture.ts';
import { createShim, hasCompiler, type Shim } from './shim.ts';

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
  const inTurn = async () => {
    const answers = [];
    for (let round = 0; round < 5; round += 1) answers.push(await other());
    return answers;
  };
  const timed = async <T>(work: () => Promise<T>) => {
    const startedAt = performance.now();
    const result = await work();
    return { result, elapsedMs: performance.now() - startedAt };
  };
  const statuses = async () => {
    const { json } = await proxy.call(`${BASE}/health`, { requestMetadata: metadata() });
    return JSON.stringify(json['ekmFleetDetails']).match(/ACTIVE|DEGRADED|UNAVAILABLE/g);
  };

  describe('when its module hangs', () => {
    beforeEach(() => start('["faulty"]'));

    it('is answered in time with 503, and the other store does not notice', { retry: 2 }, async () => {
      await expect(acme()).resolves.toMatchObject({ status: 200 });
      const calm = await timed(inTurn);
      shim.fail('C_EncryptInit', 'hang', -1);
      const hanging = [acme(), acme()];
      const meanwhile = await timed(inTurn);
      expect(meanwhile.result.map(({ status }) => status)).toEqual(calm.result.map(() => 200));
      expect(meanwhile.elapsedMs).toBeLessThan(2 * calm.elapsedMs + 100);
      for (const answer of await Promise.all(hanging)) {
        expect(answer).toMatchObject({ status: 503, json: { errorName: 'DependencyTimeoutException' } });
      }
      const durations = proxy.logLines().filter(({ status }) => status === 503);
      expect(durations).toHaveLength(2);
      for (const { durationMs } of durations) expect(durationMs).toBeLessThan(250);
      // It takes a few more of them until the token is left alone.
      const afterOneMore = async () => {
        await acme();
        return statuses();
      };
      await expect.poll(afterOneMore, { timeout: 5000 }).toEqual(['UNAVAILABLE', 'ACTIVE']);
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
  });

  it('starts although one token is out, and takes it in when it is there', async () => {
    await start('["faulty", "well"]', () => shim.fail('C_OpenSession', { returns: 0xe0 }, -1));
    await expect(acme()).resolves.toMatchObject({ status: 200 });
    expect(await statuses()).toEqual(['UNAVAILABLE', 'ACTIVE']);
    shim.heal();
    const afterOneMore = async () => {
      await acme();
      return statuses();
    };
    await expect.poll(afterOneMore, { timeout: 15_000 }).toEqual(['DEGRADED', 'ACTIVE']);
  });
});
