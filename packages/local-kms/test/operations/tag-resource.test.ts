import {
  CreateKeyCommand,
  ListResourceTagsCommand,
  type Tag,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { present, refusal, startKms, type TestKms } from '../fixtures/kms.ts';

const tagsOf = async ({ client }: TestKms, KeyId: string) =>
  (await client.send(new ListResourceTagsCommand({ KeyId }))).Tags;

describe('the tags of a key', () => {
  test('are added, replaced, removed and listed in the order of their keys', async () => {
    const kms = await startKms();
    const { KeyMetadata } = await kms.client.send(
      new CreateKeyCommand({ Tags: [{ TagKey: 'b', TagValue: '1' }] }),
    );
    const KeyId = present(KeyMetadata?.KeyId);
    const Tags = [
      { TagKey: 'b', TagValue: '2' },
      { TagKey: 'a', TagValue: '' },
      { TagKey: 'B', TagValue: '3' },
    ];
    await kms.client.send(new TagResourceCommand({ KeyId, Tags }));
    expect(await tagsOf(kms, KeyId)).toEqual([Tags[2], Tags[1], Tags[0]]);
    await kms.client.send(new UntagResourceCommand({ KeyId, TagKeys: ['B', 'b', 'none'] }));
    expect(await tagsOf(kms, KeyId)).toEqual([Tags[1]]);
  });

  test.each<[string, Tag[]]>([
    ['TagException', [{ TagKey: '', TagValue: 'a' }]],
    ['TagException', [{ TagKey: 'x'.repeat(129), TagValue: 'a' }]],
    ['TagException', [{ TagKey: 'a', TagValue: 'x'.repeat(257) }]],
    ['TagException', [{ TagKey: 'aws:a', TagValue: 'a' }]],
    ['TagException', ['1', '2'].map((TagValue) => ({ TagKey: 'a', TagValue }))],
    ['LimitExceededException', Array.from({ length: 51 }, (_, i) => ({ TagKey: `${i}`, TagValue: '' }))],
    ['no exception', [{ TagKey: 'x'.repeat(128), TagValue: 'x'.repeat(256) }]],
  ])('are put with %s: %j', async (name, Tags) => {
    const kms = await startKms();
    const KeyId = await kms.createKey();
    expect(await refusal(kms.client.send(new TagResourceCommand({ KeyId, Tags })))).toBe(name);
    expect(await tagsOf(kms, KeyId)).toEqual(name === 'no exception' ? Tags : []);
  });

  test('are listed page by page, fifty at most', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey();
    const Tags = ['a', 'b', 'c'].map((TagKey) => ({ TagKey, TagValue: '' }));
    await kms.client.send(new TagResourceCommand({ KeyId, Tags }));
    const first = await kms.client.send(new ListResourceTagsCommand({ KeyId, Limit: 2 }));
    expect(first).toMatchObject({ Truncated: true, Tags: Tags.slice(0, 2) });
    const rest = new ListResourceTagsCommand({ KeyId, Limit: 2, Marker: first.NextMarker });
    expect(await kms.client.send(rest)).toMatchObject({ Truncated: false, Tags: Tags.slice(2) });
    for (const [input, name] of [
      [{ Limit: 51 }, 'ValidationException'],
      [{ Marker: 'elsewhere' }, 'InvalidMarkerException'],
    ] as const) {
      const list = new ListResourceTagsCommand({ KeyId, ...input });
      expect(await refusal(kms.client.send(list))).toBe(name);
    }
  });
});
