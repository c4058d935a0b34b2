import { setTimeout as sleep } from 'node:timers/promises';
import { Pkcs11Error, type Pkcs11ErrorCode } from '@holdfast/pkcs11';
import { describe, expect, it } from 'vitest';
import { type Deadline, deadlineIn } from '../../src/deadline.ts';
import { failoverDevice } from '../../src/devices/failover.ts';
import { tokenException } from '../../src/devices/failures.ts';
import { memoryDevice } from '../fixtures/memory-device.ts';

const INPUT = { selector: { label: 'orders' }, aad: Buffer.alloc(0), plaintext: Buffer.from('x') };
const CHECKED_INPUT = {
  ...INPUT,
  additionalAuthenticatedData: Buffer.alloc(0),
  ciphertextMetadata: Buffer.alloc(0),
};

/** @param timeoutMs the time of a device if there is another one; no device here is so slow by chance */
function pair(timeoutMs = 10_000) {
  const [first, second] = [memoryDevice(), memoryDevice()];
  const well = { first: true, second: true };
  const device = failoverDevice(
    [
      { device: first.device, isWell: () => well.first },
      { device: second.device, isWell: () => well.second },
    ],
    timeoutMs,
  );
  const encrypt = (deadline?: Deadline) => device.encrypt(INPUT, deadline && { deadline });
  return { first: first.behaviour, second: second.behaviour, well, device, encrypt };
}

describe('several devices with the same keys', () => {
  it('are used in the order of preference, those that are well first', async () => {
    const { first, second, well, encrypt } = pair();
    await encrypt();
    well.first = false;
    await encrypt();
    well.second = false;
    await encrypt();
    expect([first.encryptions, second.encryptions]).toEqual([2, 1]);
  });

  it.each(['DEVICE_ERROR', 'TOKEN_UNAVAILABLE', 'SESSION_LOST', 'SESSIONS_EXHAUSTED', 'CLOSED'] as const)(
    'stand in for one that fails with %s',
    async (code) => {
      const { first, second, encrypt, device } = pair();
      first.failure = failure(code);
      await encrypt();
      await device.ping();
      expect([first.encryptions, second.encryptions]).toEqual([0, 1]);
    },
  );

  it.each(['KEY_NOT_FOUND', 'KEY_USAGE_FORBIDDEN', 'DECRYPTION_FAILED'] as const)(
    'do not contradict one that says %s',
    async (code) => {
      const { first, second, encrypt } = pair();
      first.failure = failure(code);
      await expect(encrypt()).rejects.toBe(first.failure);
      expect(second.probes).toBe(0);
    },
  );

  it('leave one that is too slow in time for another', async () => {
    const { first, second, encrypt } = pair(1000);
    first.delayMs = 10_000;
    const startedAt = performance.now();
    await encrypt();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect([first.encryptions, second.encryptions]).toEqual([0, 1]);
  });

  it('fail as the last of them does', async () => {
    const { first, second, encrypt } = pair();
    first.failure = failure('DEVICE_ERROR');
    second.failure = failure('TOKEN_UNAVAILABLE');
    await expect(encrypt()).rejects.toBe(second.failure);
  });

  it('are not asked any more when the request has been given up', async () => {
    const { first, second, encrypt } = pair();
    const deadline = deadlineIn(1);
    await sleep(10);
    await expect(encrypt(deadline)).rejects.toMatchObject({ errorName: 'DependencyTimeoutException' });
    expect([first.probes, second.probes]).toEqual([0, 0]);
  });

  it('may take three fifths of the time while another is well, and all of it otherwise', async () => {
    const { first, second, well, encrypt } = pair(400);
    first.delayMs = 200;
    await encrypt();
    expect([first.encryptions, second.encryptions]).toEqual([1, 0]);
    first.delayMs = 300;
    await encrypt();
    expect([first.encryptions, second.encryptions]).toEqual([1, 1]);
    well.second = false;
    second.failure = failure('DEVICE_ERROR');
    await encrypt();
    expect([first.encryptions, second.encryptions]).toEqual([2, 1]);
  });

  it('leave the last one all the time that is left', async () => {
    const { first, second, encrypt } = pair(400);
    first.failure = failure('DEVICE_ERROR');
    second.delayMs = 300;
    await encrypt();
    expect(second.encryptions).toBe(1);
  });

  it('stand in for one that does not open what it sealed', async () => {
    const { first, second, device } = pair();
    first.wrongPlaintext = true;
    await device.encryptChecked(CHECKED_INPUT);
    expect([first.encryptions, second.encryptions]).toEqual([1, 1]);
  });
});

const failure = (code: Pkcs11ErrorCode) => tokenException(new Pkcs11Error(code, 'x'));
