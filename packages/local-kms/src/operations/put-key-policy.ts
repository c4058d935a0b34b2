import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertPolicy, assertPolicyName, policyName, policyText } from '../keys/key-policy.ts';
import { assertNoLockout } from '../keys/policy-lockout.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Replaces the key policy. */
export const putKeyPolicy = operation({
  input: z.object({
    KeyId: keyId,
    PolicyName: policyName,
    Policy: policyText,
    BypassPolicyLockoutSafetyCheck: z.boolean().optional(),
  }),
  run({ KeyId, PolicyName, Policy, BypassPolicyLockoutSafetyCheck: bypass }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertPolicyName(PolicyName);
    assertPolicy(Policy);
    assertNoLockout(call, { kms: call, key: { ...key, policy: Policy }, bypass });
    call.keys.update(key.id, { policy: Policy });
    return {};
  },
});
