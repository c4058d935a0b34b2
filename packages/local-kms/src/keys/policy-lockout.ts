import { kmsArn } from '../arn.ts';
import { KmsError } from '../errors.ts';
import type { Call } from '../kms.ts';
import { conditionKeys } from '../policy/condition-keys.ts';
import { decide } from '../policy/decision.ts';
import { parsedPolicy } from './key-policy.ts';

/**
 * The lockout safety check of a request that brings a key policy: its caller has to be able to put the next one, or
 * the policy has to leave that to the account. Throws MalformedPolicyDocumentException.
 */
export function assertNoLockout({ caller, scope, account }: Call, policy: string, keyId: string): void {
  const action = 'kms:PutKeyPolicy';
  const now = account.clock.now();
  const { accountId, region } = scope;
  const { allowed, reason } = decide({
    caller,
    action,
    resource: kmsArn(scope, `key/${keyId}`),
    accountId,
    key: { policy: parsedPolicy(policy), grants: () => [] },
    keys: conditionKeys({
      caller,
      action,
      key: undefined,
      aliases: () => [],
      accountId,
      region,
      members: {},
      sourceIp: undefined,
      userAgent: undefined,
      now,
    }),
    members: {},
    tokenGrantIds: new Set(),
    now,
    grantDelayMs: 0,
  });
  if (allowed || reason === 'IdentityPolicyMissing') return;
  throw new KmsError(
    'MalformedPolicyDocumentException',
    'The new key policy will not allow you to update the key policy in the future.',
  );
}
