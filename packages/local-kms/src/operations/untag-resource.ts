import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { withoutTags } from '../keys/tags.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Removes tags from a key, those that it does not have included. */
export const untagResource = operation({
  input: z.object({ KeyId: keyId, TagKeys: z.array(z.string()) }),
  run({ KeyId, TagKeys }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertState(call, key, 'change');
    call.keys.update(key.id, { tags: withoutTags(key.tags, TagKeys) });
    return {};
  },
});
