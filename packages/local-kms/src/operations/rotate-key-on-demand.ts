import { z } from 'zod';
import { rotateToImported } from '../keys/imported-versions.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import { assertNoReplica } from '../keys/multi-region.ts';
import { assertRotatable, rotate } from '../keys/rotation.ts';
import { KmsException } from '../kms-exception.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Replaces the material of a key now; its automatic rotation goes on as scheduled. */
export const rotateKeyOnDemand = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    const { account } = call;
    const key = keyWithIdNotAlias(call, KeyId);
    assertRotatable(key);
    assertNoReplica(key);
    assertState(call, key, 'rotateOrReplicate');
    const now = account.clock.now();
    assertNoConflict(key, now);
    if (key.versions.filter(({ rotation }) => rotation?.type === 'ON_DEMAND').length >= MAX_ON_DEMAND) {
      throw new KmsException(
        'LimitExceededException',
        `A key is rotated on demand ${MAX_ON_DEMAND} times at most.`,
      );
    }
    const rotation = { at: now, type: 'ON_DEMAND' } as const;
    if (key.origin === 'EXTERNAL') rotateToImported(account, key, rotation);
    else rotate(account, key, rotation);
    return { KeyId: key.id };
  },
});

function assertNoConflict({ arn, rotation }: KmsKey, now: Date): void {
  if (!rotation || rotation.nextAt.getTime() - now.getTime() > CONFLICT_MS) return;
  throw new KmsException('ConflictException', `The key ${arn} is about to be rotated automatically.`);
}

const MAX_ON_DEMAND = 25;
const CONFLICT_MS = 20 * 60_000;
