import { describe, expect, it } from 'vitest';
import { XksException } from '../src/errors.ts';
import { fleetHealth, type HealthStatus } from '../src/health.ts';
import type { KeyDevice } from '../src/key-device.ts';
import { memoryDevice } from './fixtures/memory-device.ts';

const config = {
  fleetSize: 1,
  proxyVendor: undefined,
  proxyModel: undefined,
  ekmVendor: undefined,
  ekmModel: undefined,
  keyLabel: undefined,
};

function healthOf(device: KeyDevice) {
  const changes: HealthStatus[] = [];
  const onChange = (status: HealthStatus) => void changes.push(status);
  return { health: fleetHealth({ device, config, keyLabel: 'probe', timeoutMs: 500, onChange }), changes };
}

describe('health', () => {
  it('is active when a key of the device opens what it sealed', async () => {
    const { health, changes } = healthOf(memoryDevice().device);
    await expect(health.status()).resolves.toBe('ACTIVE');
    expect(changes).toEqual(['ACTIVE']);
  });

  it('is asked of the device once, however many ask', async () => {
    const { device, behaviour } = memoryDevice();
    const { health } = healthOf(device);
    await Promise.all(Array.from({ length: 50 }, () => health.status()));
    await health.status();
    expect(behaviour.probes).toBe(1);
  });

  it('is unavailable when the device fails, is too slow or returns something else', async () => {
    for (const change of [{ failure: new Error('gone') }, { delayMs: 3000 }, { wrongPlaintext: true }]) {
      const { device, behaviour } = memoryDevice();
      Object.assign(behaviour, change);
      await expect(healthOf(device).health.status()).resolves.toBe('UNAVAILABLE');
    }
  });

  it('is unavailable when the key to probe with is missing', async () => {
    const { device } = memoryDevice();
    const key = () => {
      throw new XksException('KeyNotFoundException', 'gone');
    };
    await expect(healthOf({ ...device, key }).health.status()).resolves.toBe('UNAVAILABLE');
  });

  it('shows a recovery soon', async () => {
    const { device, behaviour } = memoryDevice();
    const { health, changes } = healthOf(device);
    behaviour.failure = new Error('gone');
    await health.status();
    behaviour.failure = undefined;
    await expect.poll(() => health.status(), { timeout: 10_000, interval: 100 }).toBe('ACTIVE');
    expect(changes).toEqual(['UNAVAILABLE', 'ACTIVE']);
  });
});
