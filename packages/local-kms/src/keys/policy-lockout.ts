import type { Call, Kms } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import { authorizeOn } from '../policy/authorization.ts';
import type { KmsKey } from './kms-key.ts';

/**
 * The lockout safety check of a request that brings a key policy: its caller has to be able to put the next one, or
 * the policy has to leave that to the account. The key is passed as it is going to be, with the KMS of its Region; the next
 * request is taken to bypass the check if this one does. Throws MalformedPolicyDocumentException.
 */
export function assertNoLockout(
  { caller, sourceIp, userAgent }: Call,
  { kms, key, bypass }: { readonly kms: Kms; readonly key: KmsKey; readonly bypass: boolean | undefined },
): void {
  if (bypass === true) return;
  const members = bypass === undefined ? {} : { BypassPolicyLockoutSafetyCheck: bypass };
  const request = { caller, action: 'kms:PutKeyPolicy', members, sourceIp, userAgent };
  const { allowed, reason } = authorizeOn(key, { ...request, resource: key.arn, kms }, { grantDelayMs: 0 });
  if (allowed || reason === 'IdentityPolicyMissing') return;
  throw new KmsException(
    'MalformedPolicyDocumentException',
    'The new key policy will not allow you to update the key policy in the future.',
  );
}
