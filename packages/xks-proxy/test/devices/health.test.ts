import { mkdirSync, rmSync } from 'node:fs';
import { Pkcs11Error } from '@holdfast/pkcs11';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openIvBudget } from '../../src/budget/iv-budget.ts';
import { circuitBreaker } from '../../src/devices/circuit-breaker.ts';
import { tokenException } from '../../src/devices/failures.ts';
import { deviceHealth, type HealthStatus } from '../../src/devices/health.ts';
import type { KeyDevice } from '../../src/devices/key-device.ts';
import { temporaryFolder } from '../fixtures/folder.ts';
import { memoryDevice } from '../fixtures/memory-device.ts';

function healthOf(
  device: KeyDevice,
  {
    keyLabel,
    borrowedLabels = [],
    timeoutMs = 10_000,
    ofCalls = 'ACTIVE',
  }: { keyLabel?: string; borrowedLabels?: string[]; timeoutMs?: number; ofCalls?: HealthStatus },
) {
  const changes: HealthStatus[] = [];
  const failedKeys: string[] = [];
  const health = deviceHealth({
    device,
    calls: () => ofCalls,
    keyLabel,
    borrowed: borrowedLabels.map((label) => ({ store: 'acme', externalKeyId: label, selector: { label } })),
    timeoutMs,
    onChange: (status) => void changes.push(status),
    onKeyFailure: ({ externalKeyId }) => void failedKeys.push(externalKeyId),
  });
  return { health, changes, failedKeys };
}

const probe = { keyLabel: 'probe' };
const unlessLost = (device: KeyDevice, lost: ReadonlySet<string>, asked: string[] = []): KeyDevice => ({
  ...device,
  async encryptChecked(input, options) {
    const label = 'label' in input.selector ? input.selector.label : '';
    asked.push(label);
    if (lost.has(label)) throw tokenException(new Pkcs11Error('KEY_NOT_FOUND', 'gone'));
    return device.encryptChecked(input, options);
  },
});

describe('health', () => {
  afterEach(() => void vi.useRealTimers());

  it('is active when a key of the device opens what it sealed', async () => {
    const { health, changes } = healthOf(memoryDevice().device, probe);
    await expect(health.status()).resolves.toBe('ACTIVE');
    expect(changes).toEqual(['ACTIVE']);
  });

  it('is asked of the device once, however many ask', async () => {
    const { device, behaviour } = memoryDevice();
    const { health } = healthOf(device, probe);
    await Promise.all(Array.from({ length: 50 }, () => health.status()));
    await health.status();
    expect(behaviour.probes).toBe(1);
  });

  it('is unavailable when the device fails, is too slow or returns something else', async () => {
    for (const [change, settings] of [
      [{ failure: new Error('gone') }, probe],
      [{ delayMs: 3000 }, { ...probe, timeoutMs: 500 }],
      [{ wrongPlaintext: true }, probe],
    ] as const) {
      const { device, behaviour } = memoryDevice();
      Object.assign(behaviour, change);
      await expect(healthOf(device, settings).health.status()).resolves.toBe('UNAVAILABLE');
    }
  });

  it('is unavailable when the key that is meant for it is missing', async () => {
    const device = unlessLost(memoryDevice().device, new Set(['probe']));
    const { health, failedKeys } = healthOf(device, { ...probe, borrowedLabels: ['orders'] });
    await expect(health.status()).resolves.toBe('UNAVAILABLE');
    expect(failedKeys).toEqual([]);
  });

  it('does not depend on a borrowed key: the next one serves, or none', async () => {
    const lost = new Set(['first', 'second']);
    const asked: string[] = [];
    const device = unlessLost(memoryDevice().device, lost, asked);
    const three = healthOf(device, { borrowedLabels: ['first', 'second', 'third'] });
    await expect(three.health.status()).resolves.toBe('ACTIVE');
    expect(three.failedKeys).toEqual(['first', 'second']);
    expect(asked).toEqual(['first', 'second', 'third']);
    const two = healthOf(device, { borrowedLabels: ['first', 'second'] });
    await expect(two.health.status()).resolves.toBe('ACTIVE');
    await expect(healthOf(device, {}).health.status()).resolves.toBe('ACTIVE');
  });

  it('tells of a borrowed key once, and looks at a few only', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const labels = Array.from({ length: 50 }, (_, index) => `key ${index}`);
    const asked: string[] = [];
    const device = unlessLost(memoryDevice().device, new Set(labels.slice(0, 4)), asked);
    const { health, failedKeys } = healthOf(device, { borrowedLabels: labels });
    for (let round = 0; round < 3; round += 1) {
      await expect(health.status()).resolves.toBe('ACTIVE');
      vi.advanceTimersByTime(11_000);
    }
    expect(asked).toEqual([...labels.slice(0, 4), 'key 4', 'key 4']);
    expect(failedKeys).toEqual(labels.slice(0, 4));
  });

  it('tells of a borrowed key again when it has worked in between', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const lost = new Set(['first', 'second']);
    const { health, failedKeys } = healthOf(unlessLost(memoryDevice().device, lost), {
      borrowedLabels: ['first', 'second'],
    });
    const rounds = async (count: number) => {
      for (let round = 0; round < count; round += 1) {
        await expect(health.status()).resolves.toBe('ACTIVE');
        vi.advanceTimersByTime(11_000);
      }
    };
    await rounds(3);
    expect(failedKeys).toEqual(['first', 'second']);
    lost.delete('first');
    await rounds(1);
    lost.add('first');
    await rounds(3);
    expect(failedKeys).toEqual(['first', 'second', 'first']);
  });

  it('is no better than calls of requests found it, when it is asked of the device and after', async () => {
    for (const ofCalls of ['DEGRADED', 'UNAVAILABLE'] as const) {
      const { health } = healthOf(memoryDevice().device, { ...probe, ofCalls });
      for (let time = 0; time < 2; time += 1) await expect(health.status()).resolves.toBe(ofCalls);
    }
  });

  it('is unavailable when a borrowed key fails for another reason, or the device without a key', async () => {
    for (const change of [
      { rejectDecryption: tokenException(new Pkcs11Error('DEVICE_ERROR', 'x')) },
      { wrongPlaintext: true },
    ]) {
      const { device, behaviour } = memoryDevice();
      Object.assign(behaviour, change);
      const borrowing = healthOf(device, { borrowedLabels: ['orders', 'more'] });
      await expect(borrowing.health.status()).resolves.toBe('UNAVAILABLE');
    }
    const { device, behaviour } = memoryDevice();
    behaviour.failure = new Error('gone');
    await expect(healthOf(device, {}).health.status()).resolves.toBe('UNAVAILABLE');
  });

  it('does not depend on what a key may still encrypt, with a key for trials or a borrowed one', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    for (const keys of [probe, { borrowedLabels: ['orders', 'more'] }]) {
      const settings = { limit: 1, stateDirectory: undefined, atLimit: 'refuse' } as const;
      const { device, behaviour } = memoryDevice();
      const counted = openIvBudget(settings, () => undefined).over(device);
      const { health, changes, failedKeys } = healthOf(counted, keys);
      for (let round = 0; round < 4; round += 1) {
        await expect(health.status()).resolves.toBe('ACTIVE');
        vi.advanceTimersByTime(11_000);
      }
      expect(behaviour.encryptions).toBe('keyLabel' in keys ? 1 : 2);
      behaviour.failure = new Error('gone');
      await expect(health.status()).resolves.toBe('UNAVAILABLE');
      expect([changes, failedKeys]).toEqual([['ACTIVE', 'UNAVAILABLE'], []]);
    }
  });

  describe.each([
    ['a key for trials', probe],
    ['a borrowed key', { borrowedLabels: ['orders', 'more'] }],
  ])('with %s, while what keys encrypt cannot be counted', (_title, keys) => {
    const started = (change: (device: KeyDevice) => KeyDevice = (device) => device) => {
      vi.useFakeTimers({ toFake: ['performance'] });
      const stateDirectory = temporaryFolder();
      const settings = { limit: 2048, stateDirectory, atLimit: 'refuse' } as const;
      const { device, behaviour } = memoryDevice();
      const counted = openIvBudget(settings, () => undefined).over(change(device));
      const { health, changes, failedKeys } = healthOf(counted, keys);
      const nextStatus = () => {
        vi.advanceTimersByTime(11_000);
        return health.status();
      };
      return { stateDirectory, behaviour, nextStatus, changes, failedKeys };
    };

    it('is degraded, and active when it can be again', async () => {
      const { stateDirectory, behaviour, nextStatus, changes, failedKeys } = started();
      rmSync(stateDirectory, { recursive: true });
      for (let round = 0; round < 2; round += 1) await expect(nextStatus()).resolves.toBe('DEGRADED');
      expect(behaviour.encryptions).toBe(0);
      mkdirSync(stateDirectory);
      for (let round = 0; round < 3; round += 1) await expect(nextStatus()).resolves.toBe('ACTIVE');
      rmSync(stateDirectory, { recursive: true });
      await expect.poll(nextStatus).toBe('DEGRADED');
      expect([changes, failedKeys]).toEqual([['DEGRADED', 'ACTIVE', 'DEGRADED'], []]);
    });

    it.each([
      ['fails', { failure: new Error('gone'), rejectDecryption: new Error('gone') }],
      ['does not open what it sealed', { rejectDecryption: new Error('gone') }],
      ['opens it as something else', { wrongPlaintext: true }],
    ])('is unavailable when the device %s', async (_case, change) => {
      const { stateDirectory, behaviour, nextStatus } = started();
      await expect(nextStatus()).resolves.toBe('ACTIVE');
      rmSync(stateDirectory, { recursive: true });
      await expect.poll(nextStatus).toBe('DEGRADED');
      Object.assign(behaviour, change);
      await expect(nextStatus()).resolves.toBe('UNAVAILABLE');
    });

    it('is unavailable when the device fails before it has sealed anything', async () => {
      const { stateDirectory, behaviour, nextStatus } = started();
      rmSync(stateDirectory, { recursive: true });
      behaviour.failure = new Error('gone');
      await expect(nextStatus()).resolves.toBe('UNAVAILABLE');
    });

    it('is unavailable when the device has forgotten its login before it has sealed anything', async () => {
      const { stateDirectory, nextStatus } = started((device) => ({
        ...device,
        async usages(selector, options) {
          if (options?.fresh === true) throw tokenException(new Pkcs11Error('NOT_LOGGED_IN', 'x'));
          return device.usages(selector, options);
        },
      }));
      rmSync(stateDirectory, { recursive: true });
      await expect(nextStatus()).resolves.toBe('UNAVAILABLE');
    });
  });

  it('is unavailable, and so is the circuit, while a device does not open what it seals', async () => {
    const { device, behaviour } = memoryDevice();
    const changes: HealthStatus[] = [];
    const breaker = circuitBreaker({
      name: device.name,
      connected: () => device,
      revive: async () => undefined,
      onChange: (status) => void changes.push(status),
    });
    behaviour.wrongPlaintext = true;
    const { health } = healthOf(breaker.device, probe);
    vi.useFakeTimers({ toFake: ['performance'] });
    for (let round = 0; round < 8; round += 1) {
      await expect(health.status()).resolves.toBe('UNAVAILABLE');
      vi.advanceTimersByTime(1_001);
    }
    expect(changes).toEqual(['UNAVAILABLE']);
  });

  it('shows a recovery soon', async () => {
    const { device, behaviour } = memoryDevice();
    const { health, changes } = healthOf(device, probe);
    behaviour.failure = new Error('gone');
    await health.status();
    behaviour.failure = undefined;
    await expect.poll(() => health.status(), { timeout: 10_000, interval: 100 }).toBe('ACTIVE');
    expect(changes).toEqual(['UNAVAILABLE', 'ACTIVE']);
  });
});
