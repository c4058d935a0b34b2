import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { XksException } from '../src/exceptions.ts';
import { fleetHealth, type HealthStatus } from '../src/health.ts';
import type { KeyDevice, Sealed } from '../src/key-device.ts';

const config = {
  fleetSize: 1,
  proxyVendor: undefined,
  proxyModel: undefined,
  ekmVendor: undefined,
  ekmModel: undefined,
  keyLabel: undefined,
};

/** A device in memory whose behaviour a test can change while it is in use. */
function memoryDevice() {
  const secret = randomBytes(32);
  const behaviour = { probes: 0, failure: undefined as Error | undefined, delayMs: 0, corrupt: false };
  const device: KeyDevice = {
    id: 'memory',
    model: 'Memory 1',
    manufacturer: 'Holdfast tests',
    key: () => ({
      usages: ['ENCRYPT', 'DECRYPT'],
      async encrypt({ iv, aad, plaintext }) {
        const cipher = createCipheriv('aes-256-gcm', secret, iv).setAAD(aad);
        return {
          ciphertext: Buffer.concat([cipher.update(plaintext), cipher.final()]),
          tag: cipher.getAuthTag(),
        };
      },
      async decrypt({ iv, aad, ciphertext, tag }: { iv: Uint8Array; aad: Uint8Array } & Sealed) {
        const decipher = createDecipheriv('aes-256-gcm', secret, iv).setAAD(aad).setAuthTag(tag);
        const plaintext = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
        return behaviour.corrupt ? Buffer.alloc(plaintext.length) : plaintext;
      },
    }),
    async randomBytes(length) {
      behaviour.probes += 1;
      await new Promise((resolve) => void setTimeout(resolve, behaviour.delayMs));
      if (behaviour.failure !== undefined) throw behaviour.failure;
      return randomBytes(length);
    },
  };
  return { device, behaviour };
}

function healthOf(device: KeyDevice) {
  const changes: HealthStatus[] = [];
  const onChange = (status: HealthStatus) => void changes.push(status);
  return { health: fleetHealth({ device, config, keyLabel: 'probe', timeoutMs: 50, onChange }), changes };
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
    for (const change of [{ failure: new Error('gone') }, { delayMs: 200 }, { corrupt: true }]) {
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

  it('shows a recovery within a second or two', async () => {
    const { device, behaviour } = memoryDevice();
    const { health, changes } = healthOf(device);
    behaviour.failure = new Error('gone');
    await health.status();
    behaviour.failure = undefined;
    await expect.poll(() => health.status(), { timeout: 3000, interval: 100 }).toBe('ACTIVE');
    expect(changes).toEqual(['UNAVAILABLE', 'ACTIVE']);
  });
});
