import { z } from 'zod';
import { isMacOf } from '../cryptography/macs.ts';
import { macMembers, readyForMac } from '../key-use/mac-key.ts';
import { KmsException } from '../kms-exception.ts';
import { base64 } from '../protocol/base64.ts';
import { assertNotDryRun } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Says that an HMAC is right; one that is not is KMSInvalidMacException. */
export const verifyMac = operation({
  input: z.object({ ...macMembers, Mac: base64(1, 6144) }),
  run({ Message, Mac, MacAlgorithm, DryRun, ...request }, call) {
    const { key, secret } = readyForMac(call, { ...request, MacAlgorithm });
    assertNotDryRun(DryRun);
    if (!isMacOf(secret, MacAlgorithm, Message, Mac)) {
      throw new KmsException('KMSInvalidMacException', 'The MAC is not one of the key and message.');
    }
    return { KeyId: key.arn, MacValid: true, MacAlgorithm };
  },
});
