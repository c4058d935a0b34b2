import { hierarchicalKeyring } from '@holdfast/keyrings/hierarchical';
import { inspectUnauthenticated } from '@holdfast/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type KeyStoreSetting,
  startKeyStoreSetting,
} from '../../packages/keyrings/test/fixtures/key-store.ts';
import { copiesInMemory } from './memory.ts';
import { messagesOf } from './messages.ts';
import { startChild } from './start-child.ts';

let setting: KeyStoreSetting;

beforeAll(async () => {
  setting = await startKeyStoreSetting();
});

afterAll(async () => {
  await setting.close();
});

/** How often branch key and data keys stand in the memory of a process that has written and read 100 messages. */
async function copiesAfter({ ttlMs, waitMs }: { readonly ttlMs: number; readonly waitMs: number }) {
  const { kms, dynamoDb, keyArn } = setting;
  const keyStore = setting.store();
  const branchKeyId = await keyStore.createBranchKey();
  const args = [keyArn, branchKeyId, '100', `${ttlMs}`, `${waitMs}`];
  const environment = { ...kms.environment, ...dynamoDb.environment };
  const child = startChild(new URL('hierarchical-child.ts', import.meta.url), args, { environment });
  const messages = await messagesOf(child);
  expect(messages).toHaveLength(100);
  const keyring = hierarchicalKeyring({ keyStore, branchKeyId, ttlMs: 60_000 });
  const { branchKey } = await keyStore.activeBranchKey(branchKeyId);
  const needles = [new TextEncoder().encode(keyArn), branchKey];
  for (const message of messages) {
    const { suite, encryptionContext, encryptedDataKeys } = inspectUnauthenticated(message);
    const materials = { suite, encryptionContext, requiredEncryptionContextKeys: [] };
    const { dataKey } = await keyring.onDecrypt(materials, encryptedDataKeys);
    needles.push(dataKey ?? expect.unreachable());
  }
  const [control = 0, branchKeys = 0, ...dataKeys] = copiesInMemory(child.pid ?? 0, needles);
  // The search works: the ARN is there, as it has to be.
  expect(control).toBeGreaterThan(0);
  return { branchKeys, dataKeys: dataKeys.reduce((sum, count) => sum + count, 0) };
}

// As bytes. The AWS SDK's strings of base64 stay until something else takes their place.
describe.skipIf(process.platform !== 'linux')('after 100 messages there and back with a branch key', () => {
  it('no data key is left in memory, and of the branch key what the cache has', {
    timeout: 120_000,
  }, async () => {
    // One to encrypt, one to decrypt.
    expect(await copiesAfter({ ttlMs: 600_000, waitMs: 0 })).toEqual({ branchKeys: 2, dataKeys: 0 });
  });

  it('the branch key neither, when its time is over', { timeout: 120_000 }, async () => {
    expect(await copiesAfter({ ttlMs: 1_000, waitMs: 3_000 })).toEqual({ branchKeys: 0, dataKeys: 0 });
  });
});
