import { describe, expect, it } from 'vitest';
import { threadDevice } from '../../src/devices/threads/thread-device.ts';

const SELECTOR = { label: 'orders' };
// Like those of a request: in memory that other buffers share.
const input = {
  selector: SELECTOR,
  aad: Buffer.from('context'),
  plaintext: Buffer.from('a data key'),
  additionalAuthenticatedData: Buffer.from('con'),
  ciphertextMetadata: Buffer.from('text'),
};
const sealed = { iv: Buffer.alloc(12, 1), ciphertext: Buffer.from('xyz'), tag: Buffer.alloc(16, 2) };

/** A device none of whose calls reaches a thread, and the memory that each call would have handed over. */
function unreached() {
  const memory: ArrayBuffer[] = [];
  const contents: string[] = [];
  const device = threadDevice('none', {
    run: async (_call, { handedOver = [] } = {}) => {
      memory.push(...handedOver);
      contents.push(...handedOver.map((buffer) => Buffer.from(buffer).toString('latin1')));
      throw new Error('given up');
    },
    warmUp: async () => undefined,
    counts: () => ({ threads: 0, busy: 0, hung: 0, waiting: 0 }),
    isStuck: () => false,
    renew: async () => undefined,
    close: async () => undefined,
  });
  return { device, memory, contents };
}

describe('a token whose calls run in threads', () => {
  it.each([
    ['encryption', 'contexta data key', (device: Device) => device.encrypt(input)],
    ['checked encryption', 'contexta data keycontext', (device: Device) => device.encryptChecked(input)],
    [
      'decryption',
      `context${sealed.iv.toString('latin1')}xyz${sealed.tag.toString('latin1')}`,
      (device: Device) => device.decrypt({ ...sealed, selector: SELECTOR, aad: input.aad }),
    ],
  ])(
    'hands over all of an %s and nothing else, and leaves none of it when it is given up',
    async (_kind, text, call) => {
      const { device, memory, contents } = unreached();
      await expect(call(device)).rejects.toMatchObject({ errorName: 'InternalException' });
      expect(contents).toEqual([text]);
      expect(memory.map((buffer) => Buffer.from(buffer).every((byte) => byte === 0))).toEqual([true]);
      expect(input.plaintext.toString()).toBe('a data key');
    },
  );
});

type Device = ReturnType<typeof threadDevice>;
