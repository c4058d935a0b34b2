import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { aliasName, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Gives a key a friendly name. */
export const createAlias = operation({
  input: z.object({ AliasName: aliasName, TargetKeyId: keyId }),
  run({ AliasName, TargetKeyId }, call) {
    call.aliases.create(AliasName, keyWithIdNotAlias(call, TargetKeyId).id);
    return {};
  },
});
