import { type CallSite, hasCompiler } from '@holdfast/testbed/shim';
import { describe, expect, it } from 'vitest';
import { faultyToken, opens, recoveryMs, seal, tryToUse } from './fixture.ts';

const RETURN_VALUES = {
  CKR_HOST_MEMORY: 0x02,
  CKR_SLOT_ID_INVALID: 0x03,
  CKR_GENERAL_ERROR: 0x05,
  CKR_FUNCTION_FAILED: 0x06,
  CKR_DEVICE_ERROR: 0x30,
  CKR_DEVICE_MEMORY: 0x31,
  CKR_DEVICE_REMOVED: 0x32,
  CKR_KEY_HANDLE_INVALID: 0x60,
  CKR_OPERATION_ACTIVE: 0x90,
  CKR_OPERATION_NOT_INITIALIZED: 0x91,
  CKR_SESSION_CLOSED: 0xb0,
  CKR_SESSION_HANDLE_INVALID: 0xb3,
  CKR_TOKEN_NOT_PRESENT: 0xe0,
  CKR_USER_NOT_LOGGED_IN: 0x101,
  CKR_CRYPTOKI_NOT_INITIALIZED: 0x190,
  CKR_VENDOR_DEFINED: 0x8000_0001,
} as const;
const CALL_SITES = [
  'C_GenerateRandom',
  'C_EncryptInit',
  'C_Encrypt',
  'C_DecryptInit',
  'C_Decrypt',
  'C_OpenSession',
] as const satisfies readonly CallSite[];
/** The short form, which is one of the tests, has every fault once; the long one has them again and again, in every mode. */
const isLong = process.env['HOLDFAST_FAULTS'] === 'all';
const CALLS = isLong ? (['inline', 'threadpool', 'worker'] as const) : (['inline'] as const);
const MAX_RECOVERY_MS = 2000;
const names = Object.keys(RETURN_VALUES).filter(
  (name): name is keyof typeof RETURN_VALUES => name in RETURN_VALUES,
);

describe.skipIf(!hasCompiler()).each(CALLS)('a token with calls %s', (calls) => {
  it.each(CALL_SITES)(
    'recovers in under 2 s from every return value of %s',
    async (site) => {
      const { shim, open } = await faultyToken({ calls });
      const before = await seal(open.device);
      for (const name of names) {
        shim.fail(site, { returns: RETURN_VALUES[name] });
        expect(await recoveryMs(open.device), `${name} of ${site}, once`).toBeLessThan(MAX_RECOVERY_MS);
        if (isLong || name === 'CKR_DEVICE_ERROR') {
          shim.fail(site, { returns: RETURN_VALUES[name] }, -1);
          for (let round = 0; round < 12; round += 1) await tryToUse(open.device, before);
          shim.heal();
          expect(await recoveryMs(open.device), `${name} of ${site}, healed`).toBeLessThan(MAX_RECOVERY_MS);
        }
        expect(await opens(open.device, before)).toBe(true);
      }
    },
    300_000,
  );

  it.each(['C_FindObjectsInit', 'C_FindObjects'] as const)(
    'recovers in under 2 s from every return value of %s, which only a lookup calls',
    async (site) => {
      const { shim, open } = await faultyToken({ calls });
      const sealed = await seal(open.device);
      for (const name of names) {
        shim.fail(site, { returns: RETURN_VALUES[name] });
        const lookup = open.device.usages({ label: 'orders' }, { fresh: true });
        await lookup.catch((error: unknown) => expect(error).toMatchObject({ name: 'XksException' }));
        expect(shim.hits(site)).toBe(1);
        expect(await recoveryMs(open.device), `${name} of ${site}`).toBeLessThan(MAX_RECOVERY_MS);
      }
      expect(await opens(open.device, sealed)).toBe(true);
    },
    60_000,
  );

  it('answers a bad tag as such, and not as its own failure, whatever went wrong before', async () => {
    const { shim, open } = await faultyToken({ calls });
    const sealed = await seal(open.device);
    shim.fail('C_Decrypt', { returns: RETURN_VALUES.CKR_DEVICE_ERROR });
    await expect(opens(open.device, sealed)).rejects.toMatchObject({ errorName: 'InternalException' });
    await expect(opens(open.device, { ...sealed, tag: Buffer.alloc(16) })).rejects.toMatchObject({
      errorName: 'InvalidCiphertextException',
    });
    expect(open.status()).toBe('DEGRADED');
  });

  it('has all its sessions taken away and notices nothing', async () => {
    const { shim, open } = await faultyToken({ calls });
    await seal(open.device);
    for (const site of ['C_GenerateRandom', 'C_EncryptInit'] as const) {
      shim.fail(site, 'lose-sessions');
      expect(await opens(open.device, await seal(open.device))).toBe(true);
    }
  });
});

describe.skipIf(!hasCompiler())('a token that fails again and again', () => {
  it('is left alone, answers at once meanwhile, and comes back', async () => {
    const { shim, open, changes } = await faultyToken();
    await seal(open.device);
    shim.fail('C_EncryptInit', { returns: RETURN_VALUES.CKR_DEVICE_ERROR }, -1);
    for (let round = 0; round < 8; round += 1) {
      await expect(seal(open.device)).rejects.toMatchObject({ errorName: 'InternalException' });
    }
    expect(open.status()).toBe('UNAVAILABLE');
    await expect(seal(open.device)).rejects.toMatchObject({ reason: 'circuit-open' });
    shim.heal();
    expect(await recoveryMs(open.device)).toBeLessThan(2000);
    expect(open.status()).toBe('DEGRADED');
    expect(changes).toEqual(['UNAVAILABLE', 'ACTIVE']);
  });

  it.each(['C_FindObjectsInit', 'C_FindObjects'] as const)(
    'is left alone also where it fails in %s',
    async (site) => {
      const { shim, open } = await faultyToken();
      shim.fail(site, { returns: RETURN_VALUES.CKR_DEVICE_ERROR }, -1);
      for (let round = 0; round < 8; round += 1) {
        const lookup = open.device.usages({ label: 'orders' }, { fresh: true });
        await expect(lookup).rejects.toMatchObject({ errorName: 'InternalException' });
      }
      expect(open.status()).toBe('UNAVAILABLE');
    },
  );

  it('is opened anew until that succeeds, also when it has no session left at first', {
    timeout: 60_000,
  }, async () => {
    const { shim, open } = await faultyToken();
    shim.fail('C_EncryptInit', { returns: RETURN_VALUES.CKR_DEVICE_ERROR }, -1);
    const trials = async () => {
      await tryToUse(open.device);
      return shim.hits('C_EncryptInit');
    };
    // Before the second one it is opened anew.
    await expect.poll(trials, { interval: 10 }).toBe(5 + 1);
    shim.fail('C_OpenSession', { returns: CKR_SESSION_COUNT }, -1);
    const openings = async () => {
      await tryToUse(open.device);
      return shim.hits('C_OpenSession');
    };
    await expect.poll(openings, { timeout: 5000 }).toBeGreaterThan(0);
    await expect(seal(open.device)).rejects.toMatchObject({ errorName: 'InternalException' });
    shim.heal();
    expect(await recoveryMs(open.device)).toBeLessThan(10_000);
  });

  it('is initialised anew when somebody has finalised its module', async () => {
    const { shim, open, token } = await faultyToken();
    const sealed = await seal(open.device);
    shim.fail('C_Initialize', { delayMs: 1 }, -1);
    const { outsider } = await import('@holdfast/pkcs11/testing');
    const other = outsider({ ...token, modulePath: shim.modulePath });
    other.finalizeModule();
    other.leave();
    expect(await recoveryMs(open.device)).toBeLessThan(2000);
    expect(await opens(open.device, sealed)).toBe(true);
  });
});

const CKR_SESSION_COUNT = 0xb1;
