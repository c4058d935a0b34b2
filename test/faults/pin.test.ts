import { createSecretKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changePin, outsider } from '@holdfast/pkcs11/testing';
import { createShim, hasCompiler, type Shim } from '@holdfast/testbed/shim';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openToken } from '../../packages/xks-proxy/src/devices/open-token.ts';
import { BASE, encryptBody } from '../../packages/xks-proxy/test/fixtures/bodies.ts';
import { startTestProxy } from '../../packages/xks-proxy/test/fixtures/proxy.ts';
import { faultyModule, faultyToken, opens, recoveryMs, seal, tokenConfig, UNCOUNTED } from './fixture.ts';

describe.skipIf(!hasCompiler()).each(['inline', 'worker'] as const)(
  'a PIN that is changed, with %s calls',
  (calls) => {
    it('is that of the configuration at the next login, where no other is offered', {
      timeout: 60_000,
    }, async () => {
      const { shim, encrypt, reloadWithPin, changeOnToken, loseLogin } = await usedProxy(calls);
      changeOnToken('changed');
      shim.fail('C_Login', { delayMs: 1 }, -1);
      // The token still knows its user, whatever the configuration has.
      await reloadWithPin('changed');
      await expect(encrypt()).resolves.toMatchObject({ status: 200 });
      expect(shim.hits('C_Login')).toBe(0);
      loseLogin();
      await expect.poll(async () => (await encrypt()).status).toBe(200);
      expect(shim.hits('C_Login')).toBe(1);
    });

    it('is that of the configuration as soon as that follows, where the one before was refused', {
      timeout: 60_000,
    }, async () => {
      const { shim, encrypt, reloadWithPin, changeOnToken, loseLogin } = await usedProxy(calls);
      changeOnToken('changed');
      shim.fail('C_Login', { delayMs: 1 }, -1);
      loseLogin();
      for (let round = 0; round < 5; round += 1)
        await expect(encrypt()).resolves.toMatchObject({ status: 500 });
      await reloadWithPin('neither');
      await expect(encrypt()).resolves.toMatchObject({ status: 500 });
      expect(shim.hits('C_Login')).toBe(2);
      await reloadWithPin('changed');
      await expect.poll(async () => (await encrypt()).status).toBe(200);
    });

    it('is taken with all else while the token is out, and offered when that is back', {
      timeout: 60_000,
    }, async () => {
      const { shim, encrypt, reloadWithPin, changeOnToken, loseLogin } = await usedProxy(calls);
      changeOnToken('changed');
      shim.fail('C_OpenSession', { returns: CKR_TOKEN_NOT_PRESENT }, -1);
      shim.fail('C_Login', { delayMs: 1 }, -1);
      loseLogin();
      for (let round = 0; round < 5; round += 1)
        await expect(encrypt()).resolves.toMatchObject({ status: 500 });
      await reloadWithPin('changed');
      await expect(encrypt()).resolves.toMatchObject({ status: 500 });
      expect(shim.hits('C_Login')).toBe(0);
      shim.heal();
      await expect.poll(async () => (await encrypt()).status, { timeout: 10_000 }).toBe(200);
    });

    it('is not offered before the next login, then once if it is wrong, and is followed by the one before it', {
      timeout: 60_000,
    }, async () => {
      const { shim, encrypt, reloadWithPin, loseLogin, token } = await usedProxy(calls);
      shim.fail('C_Login', { delayMs: 1 }, -1);
      await reloadWithPin('wrong');
      await expect(encrypt()).resolves.toMatchObject({ status: 200 });
      expect(shim.hits('C_Login')).toBe(0);
      loseLogin();
      for (let round = 0; round < 8; round += 1) {
        await expect(encrypt()).resolves.toMatchObject({ status: 500 });
        await reloadWithPin('wrong');
      }
      expect(shim.hits('C_Login')).toBe(1);
      await reloadWithPin(token.pin);
      await expect.poll(async () => (await encrypt()).status).toBe(200);
    });

    it('is taken together with other settings, while the token is in use with the one before', {
      timeout: 60_000,
    }, async () => {
      const { shim, token, open } = await tokenWithChangedPin(calls);
      const config = tokenConfig(shim.modulePath, token, {
        calls,
        pin: createSecretKey('changed', 'utf8'),
        maxSessions: 8,
      });
      const newer = await openToken(config, { onChange: () => undefined, budget: UNCOUNTED });
      await open.release();
      expect(await opens(newer.device, await seal(newer.device))).toBe(true);
      await newer.release();
    });

    it('is not offered twice where the configuration does not follow', { timeout: 60_000 }, async () => {
      const { shim, open, other } = await tokenWithChangedPin(calls);
      other.closeAllSessions();
      // Long enough for all of them to have one under way.
      shim.fail('C_Login', { delayMs: 50 }, -1);
      const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => seal(open.device)));
      expect(outcomes.map(({ status }) => status)).not.toContain('fulfilled');
      expect(shim.hits('C_Login')).toBe(1);
    });
  },
);

it.skipIf(!hasCompiler())(
  'a PIN that is changed is that of the configuration although a call hangs that began with the one before',
  async () => {
    const { shim, encrypt, reloadWithPin, changeOnToken, loseLogin } = await usedProxy('threadpool');
    changeOnToken('changed');
    shim.fail('C_Encrypt', 'hang');
    await expect(encrypt()).resolves.toMatchObject({ status: 503 });
    await reloadWithPin('changed');
    loseLogin();
    await expect.poll(async () => (await encrypt()).status).toBe(200);
  },
  60_000,
);

it.skipIf(!hasCompiler()).each(['inline', 'threadpool', 'worker', 'auto'] as const)(
  'a PIN that is wrong is offered once, however often a configuration has it, with %s calls',
  async (calls) => {
    const { shim, token } = faultyModule();
    shim.fail('C_Login', { delayMs: 1 }, -1);
    const open = (pin: string) =>
      openToken(tokenConfig(shim.modulePath, token, { calls, pin: createSecretKey(pin, 'utf8') }), {
        onChange: () => undefined,
        budget: UNCOUNTED,
      });
    for (let reload = 0; reload < 3; reload += 1) {
      await expect(open('wrong')).rejects.toMatchObject({ code: 'PIN_REFUSED' });
    }
    expect(shim.hits('C_Login')).toBe(1);
    await (await open(token.pin)).release();
  },
  60_000,
);

it.skipIf(!hasCompiler())(
  'a login that never returns is in the way neither of the next opening nor of the event loop',
  async () => {
    const { shim, token, open } = await faultyToken({ calls: 'worker' });
    expect(await recoveryMs(open.device)).toBeLessThan(2000);
    const other = outsider({ ...token, modulePath: shim.modulePath });
    onTestFinished(() => other.leave());
    shim.fail('C_Login', 'hang');
    other.closeAllSessions();
    const hanging = Promise.allSettled([seal(open.device)]);
    await expect.poll(() => shim.hits('C_Login')).toBe(1);
    const startedAt = performance.now();
    const newer = await openToken(tokenConfig(shim.modulePath, token, { calls: 'worker', maxSessions: 8 }), {
      onChange: () => undefined,
      budget: UNCOUNTED,
    });
    expect(performance.now() - startedAt).toBeLessThan(8000);
    expect(await opens(newer.device, await seal(newer.device))).toBe(true);
    shim.heal();
    await hanging;
    await newer.release();
  },
  60_000,
);

it('a configuration with another PIN is taken, and so is what comes after it', async () => {
  const proxy = await startTestProxy();
  onTestFinished(() => proxy.close());
  const encrypt = () => proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody());
  writeFileSync(join(proxy.directory, 'next-pin'), 'another one');
  const withNextPin = (toml: string) => toml.replace('pin_file = "pin"', 'pin_file = "next-pin"');
  await proxy.reload(withNextPin);
  await expect(encrypt()).resolves.toMatchObject({ status: 200 });
  await proxy.reload((toml) => withNextPin(toml).replaceAll('ACMEACMEACMEACMEACME', 'NEWERNEWERNEWERNEWER'));
  await expect(encrypt()).resolves.toMatchObject({ status: 401 });
});

/** A proxy that has served a request, and what an operator does to it and to its token. */
async function usedProxy(calls: 'inline' | 'threadpool' | 'worker') {
  const shims: Shim[] = [];
  const behindShim = (toml: string) => {
    const [shim = createShim(/module = "(.*)"/.exec(toml)?.[1] ?? '')] = shims;
    shims[0] = shim;
    return toml.replace(/module = ".*"\n/, `module = "${shim.modulePath}"\ncalls = "${calls}"\n`);
  };
  const proxy = await startTestProxy(behindShim);
  const [shim = expect.unreachable()] = shims;
  const token = { ...proxy.token, modulePath: shim.modulePath };
  const other = outsider(token);
  onTestFinished(async () => {
    shim.heal();
    other.leave();
    await proxy.close();
    shim.dispose();
  });
  const encrypt = () => proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody());
  await expect.poll(async () => (await encrypt()).status).toBe(200);
  return {
    shim,
    token,
    encrypt,
    changeOnToken: (pin: string) => changePin(token, pin),
    loseLogin: () => other.closeAllSessions(),
    reloadWithPin: (pin: string) => {
      writeFileSync(join(proxy.directory, 'pin'), pin);
      return proxy.reload(behindShim);
    },
  };
}

/** A token that is in use, and has the PIN `changed` since. */
async function tokenWithChangedPin(calls: 'inline' | 'threadpool' | 'worker') {
  const { shim, token, open } = await faultyToken({ calls });
  expect(await recoveryMs(open.device)).toBeLessThan(2000);
  const behindShim = { ...token, modulePath: shim.modulePath };
  const other = outsider(behindShim);
  onTestFinished(() => other.leave());
  changePin(behindShim, 'changed');
  return { shim, token, open, other };
}

const CKR_TOKEN_NOT_PRESENT = 0xe0;
