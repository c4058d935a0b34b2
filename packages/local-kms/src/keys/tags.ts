import { z } from 'zod';
import { KmsException } from '../kms-exception.ts';

/** A list of tags. Their keys are checked by `withTags`, whose exception is another one. */
export const tagList = z.array(z.object({ TagKey: z.string(), TagValue: z.string() }));

/**
 * The tags after others were added, or have replaced those of the same key.
 * Throws TagException for a key or value that is not allowed, LimitExceededException above 50 tags.
 */
export function withTags(
  tags: ReadonlyMap<string, string>,
  added: z.output<typeof tagList>,
): ReadonlyMap<string, string> {
  const all = new Map(tags);
  const seen = new Set<string>();
  for (const { TagKey, TagValue } of added) {
    assertTagKey(TagKey);
    if (TagValue.length > 256) {
      throw new KmsException('TagException', 'A tag value has at most 256 characters.');
    }
    if (seen.has(TagKey)) throw new KmsException('TagException', 'A request names each tag key once.');
    seen.add(TagKey);
    all.set(TagKey, TagValue);
  }
  if (all.size > MAX_TAGS_PER_KEY) {
    throw new KmsException('LimitExceededException', `A key has at most ${MAX_TAGS_PER_KEY} tags.`);
  }
  return all;
}

/** The tags without those of some keys. Throws TagException for a key that is not allowed. */
export function withoutTags(
  tags: ReadonlyMap<string, string>,
  removed: readonly string[],
): ReadonlyMap<string, string> {
  for (const key of removed) assertTagKey(key);
  return new Map([...tags].filter(([key]) => !removed.includes(key)));
}

/** The `Tags` of an answer, in the order of their keys. */
export function tagsOutput(tags: ReadonlyMap<string, string>): readonly z.output<typeof tagList>[number][] {
  return [...tags].sort(([a], [b]) => (a < b ? -1 : 1)).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
}

function assertTagKey(key: string): void {
  if (key.length < 1 || key.length > 128 || key.toLowerCase().startsWith('aws:')) {
    throw new KmsException('TagException', 'A tag key has 1 to 128 characters and does not begin with aws:.');
  }
}

const MAX_TAGS_PER_KEY = 50;
