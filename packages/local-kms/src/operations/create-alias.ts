import { z } from 'zod';
import { kmsArn } from '../arn.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { aliasName, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Gives a key a friendly name. */
export const createAlias = operation({
  input: z.object({ AliasName: aliasName, TargetKeyId: keyId }),
  run({ AliasName, TargetKeyId }, call) {
    call.access(kmsArn(call.scope, AliasName));
    const target = keyWithIdNotAlias(call, TargetKeyId);
    assertState(call, target, 'change');
    call.aliases.create(AliasName, target.id);
    return {};
  },
});
