import { z } from 'zod';
import { keyWithIdNotAlias } from '../key-id.ts';
import { aliasName, keyId } from '../members.ts';
import { operation } from '../operation.ts';

/** Gives a key a friendly name. */
export const createAlias = operation({
  input: z.object({ AliasName: aliasName, TargetKeyId: keyId }),
  run({ AliasName, TargetKeyId }, call) {
    call.aliases.create(AliasName, keyWithIdNotAlias(call, TargetKeyId).id);
    return {};
  },
});
