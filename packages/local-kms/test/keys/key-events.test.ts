import { CreateKeyCommand, DescribeKeyCommand, EnableKeyRotationCommand } from '@aws-sdk/client-kms';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKeys } from '../../src/keys/keys.ts';
import type { KmsKey } from '../../src/keys/kms-key.ts';
import { createTable } from '../../src/state/table.ts';
import { present, startKms } from '../fixtures/kms.ts';

const keyWith = (id: string, deletionAt: number | undefined): KmsKey => ({
  id,
  arn: `arn:aws:kms:eu-north-1:111122223333:key/${id}`,
  region: 'eu-north-1',
  spec: 'SYMMETRIC_DEFAULT',
  usage: 'ENCRYPT_DECRYPT',
  origin: 'AWS_KMS',
  createdAt: new Date(0),
  description: '',
  enabled: true,
  versions: [],
  external: undefined,
  primaryRegion: undefined,
  rotation: undefined,
  deletion: deletionAt === undefined ? undefined : { windowDays: 7, at: new Date(deletionAt) },
  policy: '',
  tags: new Map(),
});

const change = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  at: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }),
  action: fc.constantFrom('add', 'update', 'delete'),
});

describe('what happens next to the keys of a Region', () => {
  test('is the earliest of all, however they changed', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const keys = createKeys(createTable());
        for (const { id, at, action } of changes) {
          const key = keyWith(id, at);
          if (action === 'add') keys.add(key);
          else if (action === 'update') keys.update(id, { deletion: key.deletion });
          else keys.delete(id);
          const times = keys.list().flatMap(({ deletion }) => deletion?.at?.getTime() ?? []);
          expect(keys.next()?.event.at.getTime()).toBe(times.length > 0 ? Math.min(...times) : undefined);
        }
      }),
    );
  });

  test('happens in the order of the times, also years later', async () => {
    const { client, advanceDays } = await startKms();
    const made = await client.send(new CreateKeyCommand());
    const KeyId = present(made.KeyMetadata?.KeyId);
    await client.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    advanceDays(900);
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata?.CurrentKeyMaterialId).not.toBe(made.KeyMetadata?.CurrentKeyMaterialId);
  });
});
