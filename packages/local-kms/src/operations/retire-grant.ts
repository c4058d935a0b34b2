import { z } from 'zod';
import { kmsArn } from '../arn.ts';
import { grantId } from '../keys/grant-members.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import type { Call } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import { assertNotDryRun, dryRun, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Ends a grant that has done its work, named by its token or by its key and id. */
export const retireGrant = operation({
  input: z.object({
    GrantToken: z.string().min(1).max(8192).optional(),
    KeyId: keyId.optional(),
    GrantId: grantId.optional(),
    DryRun: dryRun,
  }),
  run({ DryRun, ...named }, call) {
    const { id } = grantNamed(call, named);
    assertNotDryRun(DryRun);
    call.grants.delete(id);
    return {};
  },
});

interface GrantName {
  readonly GrantToken?: string | undefined;
  readonly KeyId?: string | undefined;
  readonly GrantId?: string | undefined;
}

function grantNamed(call: Call, { GrantToken, KeyId, GrantId }: GrantName) {
  if (GrantToken !== undefined && KeyId === undefined && GrantId === undefined) {
    const grant = call.grants.withToken(GrantToken);
    const named = 'the resource associated with this grant token';
    keyWithIdNotAlias(call, kmsArn(call.scope, `key/${grant.keyId}`), { named });
    return grant;
  }
  if (GrantToken === undefined && KeyId !== undefined && GrantId !== undefined) {
    return call.grants.withId(GrantId, keyWithIdNotAlias(call, KeyId).id);
  }
  throw new KmsException('ValidationException', 'A grant is named by its token, or by its key and its id.');
}
