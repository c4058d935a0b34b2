import { setTimeout as sleep } from 'node:timers/promises';
import { Pkcs11Error } from '@holdfast/pkcs11';
import { describe, expect, it } from 'vitest';
import { deadlineIn } from '../../src/deadline.ts';
import { type CallObserver, callWatch } from '../../src/devices/call-watch.ts';
import { failoverDevice } from '../../src/devices/failover.ts';
import { tokenException } from '../../src/devices/failures.ts';
import { memoryDevice } from '../fixtures/memory-device.ts';

const INPUT = { selector: { label: 'orders' }, aad: Buffer.alloc(0), plaintext: Buffer.from('x') };

function watched({ timeoutMs } = { timeoutMs: 1000 }) {
  const [first, second] = [memoryDevice(), memoryDevice()];
  const members = [
    { device: { ...first.device, name: 'first' }, isWell: () => true },
    { device: { ...second.device, name: 'second' }, isWell: () => true },
  ];
  const calls: unknown[] = [];
  const observe: CallObserver =
    (call) =>
    ({ device, error }) =>
      void calls.push([call, device, error]);
  const watch = callWatch(deadlineIn(timeoutMs), observe);
  const device = watch.over(failoverDevice(members, 1000));
  return { first: first.behaviour, second: second.behaviour, calls, watch, device };
}

describe('the watch over the calls of a request', () => {
  it('knows which of several devices had a call, and for how long', async () => {
    const { first, calls, watch, device } = watched();
    expect(watch.lastDevice()).toBeUndefined();
    await device.usages({ label: 'orders' });
    first.failure = tokenException(new Pkcs11Error('DEVICE_ERROR', 'out'));
    first.delayMs = 20;
    await device.encrypt(INPUT);
    expect(calls).toEqual([
      ['FindKey', 'first', undefined],
      ['Encrypt', 'second', undefined],
    ]);
    expect(watch.lastDevice()).toBe('second');
    expect(watch.elapsedMs()).toBeGreaterThan(10);
  });

  it('counts what a device says that it took, and not the time until its promise is settled', async () => {
    const { first, calls, watch, device } = watched();
    first.delayMs = 50;
    first.tokenMs = [2, 3];
    await device.encrypt(INPUT);
    expect(calls).toEqual([['Encrypt', 'first', undefined]]);
    expect(watch.elapsedMs()).toBe(5);
  });

  it('counts all the time of a device that failed, or did not return, and what the next one says', async () => {
    for (const failure of [undefined, tokenException(new Pkcs11Error('DEVICE_ERROR', 'out'))]) {
      const { first, second, watch, device } = watched();
      first.tokenMs = failure === undefined ? [1] : [];
      first.delayMs = failure === undefined ? 2000 : 40;
      first.failure = failure;
      second.delayMs = 20;
      second.tokenMs = [3];
      await device.encrypt(INPUT);
      expect(watch.lastDevice()).toBe('second');
      expect(watch.elapsedMs()).toBeGreaterThan(40);
    }
  });

  it('counts all the time of a call that does not return, whatever its device has said before', async () => {
    const { first, second, watch, device } = watched({ timeoutMs: 50 });
    first.delayMs = 200;
    second.delayMs = 200;
    first.tokenMs = [1];
    await expect(device.ping()).rejects.toMatchObject({ errorName: 'DependencyTimeoutException' });
    expect(watch.elapsedMs()).toBeGreaterThan(40);
  });

  it('tells of the error of a call that failed', async () => {
    const { first, calls, device } = watched();
    first.failure = tokenException(new Pkcs11Error('KEY_NOT_FOUND', 'none'));
    await expect(device.ping()).rejects.toBe(first.failure);
    expect(calls).toEqual([['Ping', 'first', first.failure]]);
  });

  it('knows the device of a call that does not end, and lets none begin when time is over', async () => {
    const { first, second, calls, watch, device } = watched({ timeoutMs: 50 });
    first.delayMs = 200;
    second.delayMs = 200;
    const late = device.ping();
    await sleep(10);
    expect(watch.lastDevice()).toBe('first');
    await expect(late).rejects.toMatchObject({ errorName: 'DependencyTimeoutException' });
    await expect(device.usages({ label: 'orders' })).rejects.toMatchObject({
      errorName: 'DependencyTimeoutException',
    });
    expect(calls).toHaveLength(1);
  });
});
