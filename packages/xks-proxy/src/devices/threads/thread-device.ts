import { tokenException } from '../failures.ts';
import type { DeviceCallOptions, KeyDevice, KeyUsage } from '../key-device.ts';
import { type DeviceKeySelector, selectorName } from '../key-selector.ts';
import { ownBytes, type ThreadAnswer, type ThreadCall } from './messages.ts';
import type { ThreadPool } from './thread-pool.ts';

/** A token as a key device, all of whose calls run in the threads of the pool. */
export function threadDevice(name: string, pool: ThreadPool): KeyDevice {
  // For which a request would otherwise go to a thread only to hear that nothing has changed.
  const known = new Map<string, { readonly usages: readonly KeyUsage[]; readonly foundAtMs: number }>();
  const run = async (
    call: ThreadCall,
    options: DeviceCallOptions = {},
    handedOver: readonly ArrayBuffer[] = [],
  ): Promise<ThreadAnswer> => {
    try {
      return await pool.run(call, { handedOver, deadline: options.deadline });
    } catch (error) {
      throw tokenException(error);
    }
  };
  const usagesOf = async (
    selector: DeviceKeySelector,
    { fresh = false, ...options }: DeviceCallOptions & { readonly fresh?: boolean } = {},
  ): Promise<readonly KeyUsage[]> => {
    const id = selectorName(selector);
    const found = known.get(id);
    if (found !== undefined && !fresh && performance.now() - found.foundAtMs < MAX_AGE_MS) {
      return found.usages;
    }
    known.delete(id);
    const { usages = [] } = await run({ kind: 'key', selector, fresh }, options);
    known.set(id, { usages, foundAtMs: performance.now() });
    return usages;
  };
  return {
    name,
    async key(selector, options) {
      const usages = await usagesOf(selector, options);
      return {
        usages,
        async encrypt(input, callOptions) {
          const [aad, plaintext] = [ownBytes(input.aad), ownBytes(input.plaintext)];
          const memory = [aad.buffer, plaintext.buffer];
          try {
            const call = { kind: 'encrypt', selector, aad, plaintext } as const;
            return answered((await run(call, callOptions, memory)).sealed);
          } finally {
            // It is still here if the call was given up before it got to a thread.
            if (plaintext.length > 0) plaintext.fill(0);
          }
        },
        async decrypt({ aad, iv, ciphertext, tag }, callOptions) {
          const sealed = { iv: ownBytes(iv), ciphertext: ownBytes(ciphertext), tag: ownBytes(tag) };
          const call = { kind: 'decrypt', selector, aad: ownBytes(aad), sealed } as const;
          return answered((await run(call, callOptions)).plaintext);
        },
      };
    },
    async ping(options) {
      await run({ kind: 'ping' }, options);
    },
  };
}

function answered<T>(result: T | undefined): T {
  if (result === undefined) throw tokenException(new TypeError('a thread answered without a result'));
  return result;
}

const MAX_AGE_MS = 60_000;
