import { type CallSite, hasCompiler } from '@holdfast/testbed/shim';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deadlineIn, inTime } from '../../packages/xks-proxy/src/deadline.ts';
import { failoverDevice } from '../../packages/xks-proxy/src/devices/failover.ts';
import type { KeyDevice } from '../../packages/xks-proxy/src/devices/key-device.ts';
import { openToken } from '../../packages/xks-proxy/src/devices/open-token.ts';
import { faultyToken, opens, seal, tokenConfig, UNCOUNTED } from './fixture.ts';

/** Of a request: more than one really has, for a busy machine, and less than it takes until a thread is given up. */
const TIMEOUT_MS = 800;
const CALL_SITES = [
  'C_GenerateRandom',
  'C_EncryptInit',
  'C_Encrypt',
  'C_DecryptInit',
  'C_Decrypt',
] as const satisfies readonly CallSite[];
// Not CKR_GENERAL_ERROR, with which SoftHSM 2.6.1 answers a bad tag.
const OUTAGES = [0x06, 0x30, 0x32, 0xe0, 0x190, 0x8000_0001];

/** The same key behind a module that fails on command, and behind one that does not. */
async function twoTokens(calls: 'inline' | 'worker' = 'inline') {
  const faulty = await faultyToken({ calls });
  const config = tokenConfig(faulty.token.modulePath, faulty.token, { name: 'well' });
  const well = await openToken(config, { onChange: () => undefined, budget: UNCOUNTED });
  onTestFinished(() => well.release());
  const members = [faulty.open, well].map(({ device, status }) => ({
    device,
    isWell: () => status() !== 'UNAVAILABLE',
  }));
  return { ...faulty, well, device: failoverDevice(members, TIMEOUT_MS) };
}

describe.skipIf(!hasCompiler())('a key on two tokens', () => {
  it.each(CALL_SITES)(
    'survives every outage of the preferred one in %s without a lost request',
    async (site) => {
      const { shim, device } = await twoTokens();
      const before = await seal(device);
      for (const returns of OUTAGES) {
        shim.fail(site, { returns }, -1);
        for (let round = 0; round < 12; round += 1) {
          expect(await opens(device, await seal(device)), `0x${returns.toString(16)} of ${site}`).toBe(true);
        }
        expect(await opens(device, before)).toBe(true);
        shim.heal();
      }
    },
  );

  it('is answered within the time of a request when the preferred one hangs', async () => {
    const { shim, device, open } = await twoTokens('worker');
    await seal(device);
    shim.fail('C_EncryptInit', 'hang', -1);
    for (let round = 0; round < 8; round += 1) {
      expect(await opens(device, await sealInTime(device))).toBe(true);
    }
    expect(open.status()).toBe('UNAVAILABLE');
  });

  it('takes what one of them says of a ciphertext for the answer', async () => {
    const { shim, device, well } = await twoTokens();
    const sealed = await seal(device);
    shim.fail('C_Decrypt', { returns: 0x40 });
    await expect(opens(device, sealed)).rejects.toMatchObject({ errorName: 'InvalidCiphertextException' });
    expect(await opens(well.device, sealed)).toBe(true);
  });

  it('fails when both do', async () => {
    const { shim, device, well } = await twoTokens();
    await well.release();
    shim.fail('C_EncryptInit', { returns: 0x30 });
    await expect(seal(device)).rejects.toMatchObject({ errorName: 'InternalException' });
  });
});

async function sealInTime(device: KeyDevice) {
  const deadline = deadlineIn(TIMEOUT_MS);
  return inTime(seal(device, deadline), deadline);
}
