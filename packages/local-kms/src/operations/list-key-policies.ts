import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { POLICY_NAME } from '../keys/key-policy.ts';
import { keyId, limit, marker } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** The names of the policies of a key, of which there is one. */
export const listKeyPolicies = operation({
  input: z.object({ KeyId: keyId, Limit: limit({ default: 100, max: 1000 }), Marker: marker }),
  run({ KeyId }, call) {
    keyWithIdNotAlias(call, KeyId);
    return { PolicyNames: [POLICY_NAME], Truncated: false };
  },
});
