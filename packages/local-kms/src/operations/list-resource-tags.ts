import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { tagsOutput } from '../keys/tags.ts';
import { keyId, limit, marker } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { pageOf } from '../protocol/pages.ts';

/** The tags of a key, page by page. */
export const listResourceTags = operation({
  input: z.object({ KeyId: keyId, Limit: limit({ default: 50, max: 50 }), Marker: marker }),
  run({ KeyId, Limit, Marker }, call) {
    const tags = tagsOutput(keyWithIdNotAlias(call, KeyId).tags);
    const page = { limit: Limit, marker: Marker };
    const { entries, end } = pageOf('ListResourceTags', tags, ({ TagKey }) => TagKey, page);
    return { Tags: entries, ...end };
  },
});
