import { z } from 'zod';
import { grantId } from '../keys/grant-members.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertNotDryRun, dryRun, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Takes a grant back. */
export const revokeGrant = operation({
  input: z.object({ KeyId: keyId, GrantId: grantId, DryRun: dryRun }),
  run({ KeyId, GrantId, DryRun }, call) {
    const { id } = call.grants.withId(GrantId, keyWithIdNotAlias(call, KeyId).id);
    assertNotDryRun(DryRun);
    call.grants.delete(id);
    return {};
  },
});
