import { z } from 'zod';
import { aliasName } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Removes a friendly name; the key stays. */
export const deleteAlias = operation({
  input: z.object({ AliasName: aliasName }),
  run({ AliasName }, { aliases }) {
    aliases.delete(AliasName);
    return {};
  },
});
