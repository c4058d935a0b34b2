import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { tagList, withTags } from '../keys/tags.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Adds tags to a key, or changes their values. */
export const tagResource = operation({
  input: z.object({ KeyId: keyId, Tags: tagList }),
  run({ KeyId, Tags }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertState(call, key, 'change');
    call.keys.update(key.id, { tags: withTags(key.tags, Tags) });
    return {};
  },
});
