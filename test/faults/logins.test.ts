import { outsider } from '@holdfast/pkcs11/testing';
import { hasCompiler } from '@holdfast/testbed/shim';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openToken } from '../../packages/xks-proxy/src/devices/open-token.ts';
import { faultyModule, faultyToken, recoveryMs, tokenConfig, tryToUse, UNCOUNTED } from './fixture.ts';

describe.skipIf(!hasCompiler())('a login that never returns', () => {
  it('is followed by another one after ten seconds, and the token is back', { timeout: 60_000 }, async () => {
    const { shim, open } = await loggedOut('hang', 1);
    await expect.poll(() => shim.hits('C_Login')).toBe(1);
    await expect.poll(() => tryToUse(open.device), { timeout: 30_000 }).toBe(true);
    expect(open.sessions().hung).toBeGreaterThan(0);
    expect(open.isStuck()).toBe(false);
    shim.heal();
    await expect.poll(() => open.sessions().hung).toBe(0);
    expect(await tryToUse(open.device)).toBe(true);
  });

  it('is followed by one other at most while none returns, and then by another process', {
    timeout: 150_000,
  }, async () => {
    const { shim, open } = await loggedOut('hang', -1);
    const isStuckInUse = async () => {
      await tryToUse(open.device);
      return open.isStuck();
    };
    await expect.poll(isStuckInUse, { timeout: 100_000 }).toBe(true);
    for (let round = 0; round < 20; round += 1) expect(await isStuckInUse()).toBe(true);
    expect(shim.hits('C_Login')).toBe(2);
    shim.heal();
    await expect.poll(() => tryToUse(open.device), { timeout: 10_000 }).toBe(true);
    expect(open.isStuck()).toBe(false);
  });
});

describe.skipIf(!hasCompiler()).each(['inline', 'worker', 'auto'] as const)(
  'a token that has no PIN yet, with %s calls,',
  (calls) => {
    it('has refused none, and takes it once it has one', { timeout: 60_000 }, async () => {
      const { shim, token } = faultyModule();
      const open = () =>
        openToken(tokenConfig(shim.modulePath, token, { calls }), {
          onChange: () => undefined,
          budget: UNCOUNTED,
        });
      shim.fail('C_Login', { returns: CKR_USER_PIN_NOT_INITIALIZED });
      await expect(open()).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
      const opened = await open();
      expect(await recoveryMs(opened.device)).toBeLessThan(5000);
      await opened.release();
    });

    it('is back once it has one, also while it is open', { timeout: 60_000 }, async () => {
      const { shim, open, token } = await faultyToken({ calls });
      expect(await recoveryMs(open.device)).toBeLessThan(5000);
      const other = outsider({ ...token, modulePath: shim.modulePath });
      onTestFinished(() => other.leave());
      shim.fail('C_Login', { returns: CKR_USER_PIN_NOT_INITIALIZED });
      other.closeAllSessions();
      expect(await tryToUse(open.device)).toBe(false);
      expect(await recoveryMs(open.device)).toBeLessThan(5000);
    });
  },
);

/** A token in use by threads, up to sixteen of them, that has forgotten the login; the next calls of C_Login fail. */
async function loggedOut(fault: 'hang', calls: number) {
  const { shim, open, token } = await faultyToken({ calls: 'worker', maxSessions: 16 });
  expect(await recoveryMs(open.device)).toBeLessThan(5000);
  const other = outsider({ ...token, modulePath: shim.modulePath });
  onTestFinished(() => other.leave());
  shim.fail('C_Login', fault, calls);
  other.closeAllSessions();
  void tryToUse(open.device);
  return { shim, open };
}

const CKR_USER_PIN_NOT_INITIALIZED = 0x102;
