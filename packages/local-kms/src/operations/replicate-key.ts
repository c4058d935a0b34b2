import { z } from 'zod';
import { kmsArn } from '../arn.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { keyMetadata } from '../keys/key-metadata.ts';
import { policyText } from '../keys/key-policy.ts';
import { assertState } from '../keys/key-state.ts';
import { assertPrimary, otherRegion } from '../keys/multi-region.ts';
import { newReplica } from '../keys/new-key.ts';
import { assertNoLockout } from '../keys/policy-lockout.ts';
import { tagList, tagsOutput, withTags } from '../keys/tags.ts';
import { KmsException } from '../kms-exception.ts';
import { description, keyId, regionName } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/**
 * Makes a replica of a multi-Region primary key in another Region: the same id and material. It takes what making a key
 * takes there, too.
 */
export const replicateKey = operation({
  input: z.object({
    KeyId: keyId,
    ReplicaRegion: regionName,
    Policy: policyText.optional(),
    BypassPolicyLockoutSafetyCheck: z.boolean().optional(),
    Description: description.default(''),
    Tags: tagList.default([]),
  }),
  run({ KeyId, ReplicaRegion, Policy, Description, Tags, ...options }, call) {
    const primary = keyWithIdNotAlias(call, KeyId);
    assertPrimary(primary);
    assertState(call, primary, 'rotateOrReplicate');
    const destination = otherRegion(call, ReplicaRegion);
    if (destination.keys.find(primary.id)) {
      throw new KmsException(
        'AlreadyExistsException',
        `The key ${primary.arn} is already in ${ReplicaRegion}.`,
      );
    }
    const { spec: KeySpec, usage: KeyUsage, origin: Origin } = primary;
    const members = { KeySpec, KeyUsage, Origin, MultiRegion: true };
    call.access('*', { permission: 'CreateKey', kms: destination, members });
    if (Tags.length > 0) {
      const arn = kmsArn(destination.scope, `key/${primary.id}`);
      call.access(arn, { permission: 'TagResource', kms: destination });
    }
    const tags = withTags(new Map(), Tags);
    const replica = newReplica(destination, primary, { description: Description, tags, policy: Policy });
    if (Policy !== undefined) {
      const { BypassPolicyLockoutSafetyCheck: bypass } = options;
      assertNoLockout(call, { kms: destination, key: replica, bypass });
    }
    destination.keys.add(replica);
    return {
      ReplicaKeyMetadata: keyMetadata(destination, replica),
      ReplicaPolicy: replica.policy,
      ReplicaTags: tagsOutput(tags),
    };
  },
});
