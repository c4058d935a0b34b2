import { z } from 'zod';
import { kmsArn } from '../arn.ts';
import { keyWithId, keyWithIdNotAlias } from '../keys/key-id.ts';
import { keySpecRow } from '../keys/key-specs.ts';
import { assertState } from '../keys/key-state.ts';
import { KmsException } from '../kms-exception.ts';
import { aliasName, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Points an alias to another key of the same kind: symmetric, HMAC or asymmetric, and of the same usage. */
export const updateAlias = operation({
  input: z.object({ AliasName: aliasName.startsWith('alias/'), TargetKeyId: keyId }),
  run({ AliasName, TargetKeyId }, call) {
    call.access(kmsArn(call.scope, AliasName));
    const current = keyWithId(call, AliasName);
    const target = keyWithIdNotAlias(call, TargetKeyId);
    const sameType = keySpecRow(target.spec).type === keySpecRow(current.spec).type;
    if (!sameType || target.usage !== current.usage) {
      throw new KmsException('ValidationException', 'An alias stays with keys of the same type and usage.');
    }
    assertState(call, target, 'change');
    call.aliases.retarget(AliasName, target.id);
    return {};
  },
});
