import { tokenException } from '../failures.ts';
import type { DeviceCallOptions, KeyDevice } from '../key-device.ts';
import { type HandedOver, handedOver } from './handed-over.ts';
import { processTimeMs, type ThreadAnswer, type ThreadCall } from './messages.ts';
import type { ThreadPool } from './thread-pool.ts';

/** A token as a key device, all of whose calls run in the threads of the pool. */
export function threadDevice(name: string, pool: ThreadPool): KeyDevice {
  const run = async (
    call: ThreadCall,
    { deadline }: DeviceCallOptions = {},
    memory?: HandedOver,
  ): Promise<ThreadAnswer> => {
    try {
      return await pool.run(call, { handedOver: memory === undefined ? [] : [memory.buffer], deadline });
    } catch (error) {
      throw tokenException(error);
    } finally {
      // The memory is still here if the call was given up before a thread took it.
      memory?.wipe();
    }
  };
  return {
    name,
    async usages(selector, { fresh = false, ...options } = {}) {
      return answered((await run({ kind: 'usages', selector, fresh }, options)).usages);
    },
    async encrypt({ selector, aad, plaintext }, options) {
      const memory = handedOver([aad, plaintext]);
      const input = { selector, aad: memory.copy(aad), plaintext: memory.copy(plaintext) };
      return answered((await run({ kind: 'encrypt', input, ...timed(options) }, options, memory)).sealed);
    },
    async encryptChecked({ selector, aad, plaintext, ...covered }, options) {
      const { additionalAuthenticatedData, ciphertextMetadata } = covered;
      const memory = handedOver([aad, plaintext, additionalAuthenticatedData, ciphertextMetadata]);
      const input = {
        selector,
        aad: memory.copy(aad),
        plaintext: memory.copy(plaintext),
        additionalAuthenticatedData: memory.copy(additionalAuthenticatedData),
        ciphertextMetadata: memory.copy(ciphertextMetadata),
      };
      return answered(
        (await run({ kind: 'encryptChecked', input, ...timed(options) }, options, memory)).checked,
      );
    },
    async decrypt({ selector, aad, iv, ciphertext, tag }, options) {
      const memory = handedOver([aad, iv, ciphertext, tag]);
      const input = {
        selector,
        aad: memory.copy(aad),
        iv: memory.copy(iv),
        ciphertext: memory.copy(ciphertext),
        tag: memory.copy(tag),
      };
      return answered((await run({ kind: 'decrypt', input, ...timed(options) }, options, memory)).plaintext);
    },
    async ping(options) {
      await run({ kind: 'ping' }, options);
    },
  };
}

function timed({ deadline }: DeviceCallOptions = {}): { readonly endsAtMs: number | undefined } {
  return { endsAtMs: deadline && processTimeMs() + deadline.remainingMs() };
}

function answered<T>(result: T | undefined): T {
  if (result === undefined) throw tokenException(new TypeError('a thread answered without a result'));
  return result;
}
