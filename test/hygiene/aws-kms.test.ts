import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningKms, startLocalKms } from '../../packages/keyrings/test/fixtures/local-kms.ts';
import { keyringOf, kmsKeys } from './aws-kms-keyrings.ts';
import { copiesInMemory } from './memory.ts';
import { dataKeysOf, messagesOf } from './messages.ts';
import { startChild } from './start-child.ts';

let kms: RunningKms;

beforeAll(async () => {
  kms = await startLocalKms();
});

afterAll(async () => {
  await kms.close();
});

describe.skipIf(process.platform !== 'linux')('after 100 messages there and back', () => {
  // As bytes. The AWS SDK's strings of base64 stay until something else takes their place.
  it.each(Object.entries(kmsKeys))(
    'no data key is left in the memory of the process, with a %s key of AWS KMS',
    async (kind, description) => {
      const keyArn = await kms.newKey(description);
      const child = startChild(
        new URL('aws-kms-child.ts', import.meta.url),
        [kind, keyArn, '100'],
        kms.environment,
      );
      const messages = await messagesOf(child);
      expect(messages).toHaveLength(100);
      const keyring = await keyringOf(kind, kms.client, keyArn);
      const needles = [new TextEncoder().encode(keyArn), ...(await dataKeysOf(keyring, messages))];
      const [control = 0, ...copies] = copiesInMemory(child.pid ?? 0, needles);
      expect(copies.reduce((sum, count) => sum + count, 0)).toBe(0);
      // The search works: the ARN is there, as it has to be.
      expect(control).toBeGreaterThan(0);
    },
    120_000,
  );
});
