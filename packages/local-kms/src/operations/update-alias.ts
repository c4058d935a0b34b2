import { z } from 'zod';
import { KmsError } from '../errors.ts';
import { keyWithId, keyWithIdNotAlias } from '../keys/key-id.ts';
import { KEY_SPECS } from '../keys/key-specs.ts';
import { aliasName, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Points an alias to another key of the same kind: both symmetric or both not, and of the same usage. */
export const updateAlias = operation({
  input: z.object({ AliasName: aliasName.startsWith('alias/'), TargetKeyId: keyId }),
  run({ AliasName, TargetKeyId }, call) {
    const current = KEY_SPECS[keyWithId(call, AliasName).spec];
    const target = keyWithIdNotAlias(call, TargetKeyId);
    const { symmetric, usage } = KEY_SPECS[target.spec];
    if (symmetric !== current.symmetric || usage !== current.usage) {
      throw new KmsError('ValidationException', 'An alias stays with keys of the same type and usage.');
    }
    call.aliases.retarget(AliasName, target.id);
    return {};
  },
});
