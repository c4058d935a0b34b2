import { createDecipheriv, randomBytes } from 'node:crypto';
import { inspectUnauthenticated } from '@holdfast/sdk';
import { describe, expect, it } from 'vitest';
import { contextBytes } from '../../packages/sdk/src/context.ts';
import { copiesInMemory } from './memory.ts';
import { messagesOf } from './messages.ts';
import { startChild } from './start-child.ts';

/** The data key of a message under the raw AES wrapping key, found without the SDK. */
function dataKeyOf(message: Uint8Array, wrappingKey: Uint8Array): Uint8Array {
  const { encryptedDataKeys, encryptionContext } = inspectUnauthenticated(message);
  const [key] = encryptedDataKeys;
  if (key === undefined) throw new Error('a message has no encrypted data key');
  const decipher = createDecipheriv('aes-256-gcm', wrappingKey, key.providerInfo.subarray(-12));
  decipher.setAAD(contextBytes(encryptionContext)).setAuthTag(key.ciphertext.subarray(-16));
  return Buffer.concat([decipher.update(key.ciphertext.subarray(0, -16)), decipher.final()]);
}

/** Has a process write and read messages, and looks for their data keys in what it keeps. */
async function expectNoDataKeys(suite: string, wrappingKey: Uint8Array): Promise<void> {
  const child = startChild(new URL('child.ts', import.meta.url), [
    Buffer.from(wrappingKey).toString('hex'),
    '100',
    suite,
  ]);
  const messages = await messagesOf(child);
  expect(messages).toHaveLength(100);
  const dataKeys = messages.map((message) => dataKeyOf(message, wrappingKey));
  const [control = 0, ...copies] = copiesInMemory(child.pid ?? 0, [wrappingKey, ...dataKeys]);
  expect(copies.reduce((sum, count) => sum + count, 0)).toBe(0);
  // The search works: the wrapping key is there, as it has to be.
  expect(control).toBeGreaterThan(0);
}

describe.skipIf(process.platform !== 'linux')('after 100 messages there and back', () => {
  it.each(['unsigned', 'signed'])('no data key is left in the memory of the process (%s)', async (suite) => {
    await expectNoDataKeys(suite, randomBytes(32));
  });
});
