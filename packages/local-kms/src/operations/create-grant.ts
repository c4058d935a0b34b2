import { z } from 'zod';
import { assertGrantable, assertPrincipal, GRANT_OPERATIONS, principal } from '../keys/grant-members.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { KmsException } from '../kms-exception.ts';
import { assertNotDryRun, dryRun, grantTokens, keyId } from '../protocol/members.ts';
import { namedValues } from '../protocol/named-values.ts';
import { operation } from '../protocol/operation.ts';

/** At most eight pairs, no value longer than 384 characters. */
const contextPairs = namedValues(z.string(), z.string().max(384)).refine(
  (pairs) => Object.keys(pairs).length <= 8,
  'must have at most 8 pairs',
);

/** Adds a grant to a key, or finds the one that has this name and is the same. */
export const createGrant = operation({
  input: z.object({
    KeyId: keyId,
    GranteePrincipal: principal,
    RetiringPrincipal: principal.optional(),
    Operations: z.array(z.enum(GRANT_OPERATIONS)).min(1),
    Constraints: z
      .object({
        EncryptionContextSubset: contextPairs.optional(),
        EncryptionContextEquals: contextPairs.optional(),
        SourceArn: z.string().min(20).max(2048).optional(),
      })
      .optional(),
    GrantTokens: grantTokens,
    Name: z
      .string()
      .min(1)
      .max(256)
      .regex(/^[a-zA-Z0-9:/_-]+$/)
      .optional(),
    DryRun: dryRun,
  }),
  unsupported: ['GranteeServicePrincipal', 'RetiringServicePrincipal'],
  run({ KeyId, GranteePrincipal, RetiringPrincipal, Operations, Constraints, Name, DryRun }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertPrincipal(GranteePrincipal);
    if (RetiringPrincipal !== undefined) assertPrincipal(RetiringPrincipal);
    assertGrantable(key, Operations);
    const onContext = Constraints?.EncryptionContextEquals ?? Constraints?.EncryptionContextSubset;
    if (onContext && key.spec !== 'SYMMETRIC_DEFAULT') {
      throw new KmsException(
        'ValidationException',
        'Constraints: an encryption context goes with symmetric keys',
      );
    }
    assertState(call, key, 'use');
    assertNotDryRun(DryRun);
    const grant = call.grants.create({
      keyId: key.id,
      name: Name,
      granteePrincipal: GranteePrincipal,
      retiringPrincipal: RetiringPrincipal,
      operations: Operations,
      constraints: Constraints,
    });
    return { GrantToken: call.grants.tokenOf(grant), GrantId: grant.id };
  },
});
