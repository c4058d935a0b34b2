import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertPolicyName, POLICY_NAME, policyName } from '../keys/key-policy.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** The key policy, as it was put. */
export const getKeyPolicy = operation({
  input: z.object({ KeyId: keyId, PolicyName: policyName }),
  run({ KeyId, PolicyName }, call) {
    const { policy } = keyWithIdNotAlias(call, KeyId);
    assertPolicyName(PolicyName);
    return { Policy: policy, PolicyName: POLICY_NAME };
  },
});
