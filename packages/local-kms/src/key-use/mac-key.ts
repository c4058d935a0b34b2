import { z } from 'zod';
import { keyWithId } from '../keys/key-id.ts';
import { keySpecRow } from '../keys/key-specs.ts';
import { assertUsable } from '../keys/key-state.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import type { SecretMaterial } from '../keys/material/key-material.ts';
import { currentSecret } from '../keys/versions.ts';
import type { Call } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import { dryRun, grantTokens, keyId, plaintext } from '../protocol/members.ts';

/** What GenerateMac and VerifyMac both take. */
export const macMembers = {
  KeyId: keyId,
  Message: plaintext,
  MacAlgorithm: z.enum(['HMAC_SHA_224', 'HMAC_SHA_256', 'HMAC_SHA_384', 'HMAC_SHA_512']),
  GrantTokens: grantTokens,
  DryRun: dryRun,
} as const;

/** Runs the checks of a request for a MAC. Throws InvalidKeyUsageException for a foreign algorithm. */
export function readyForMac(
  call: Call,
  { KeyId, MacAlgorithm }: Pick<z.output<z.ZodObject<typeof macMembers>>, 'KeyId' | 'MacAlgorithm'>,
): { readonly key: KmsKey; readonly secret: SecretMaterial } {
  const key = keyWithId(call, KeyId);
  assertUsable(call, key, 'GENERATE_VERIFY_MAC');
  if (keySpecRow(key.spec).algorithms.GENERATE_VERIFY_MAC?.includes(MacAlgorithm)) {
    return { key, secret: currentSecret(key) };
  }
  throw new KmsException(
    'InvalidKeyUsageException',
    `The key ${key.arn} does not have the algorithm ${MacAlgorithm}.`,
  );
}
