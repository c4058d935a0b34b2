import { z } from 'zod';
import { kmsArn } from '../arn.ts';
import { keyWithId } from '../keys/key-id.ts';
import { aliasName } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Removes a friendly name; the key stays. */
export const deleteAlias = operation({
  input: z.object({ AliasName: aliasName.startsWith('alias/') }),
  run({ AliasName }, call) {
    call.access(kmsArn(call.scope, AliasName));
    keyWithId(call, AliasName);
    call.aliases.delete(AliasName);
    return {};
  },
});
