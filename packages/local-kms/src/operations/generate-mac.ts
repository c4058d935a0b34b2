import { z } from 'zod';
import { macOf } from '../cryptography/macs.ts';
import { macMembers, readyForMac } from '../key-use/mac-key.ts';
import { toBase64 } from '../protocol/base64.ts';
import { assertNotDryRun } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** The HMAC of a message of up to 4096 bytes. */
export const generateMac = operation({
  input: z.object(macMembers),
  run({ Message, MacAlgorithm, DryRun, ...request }, call) {
    const { key, secret } = readyForMac(call, { ...request, MacAlgorithm });
    assertNotDryRun(DryRun);
    return { Mac: toBase64(macOf(secret, MacAlgorithm, Message)), MacAlgorithm, KeyId: key.arn };
  },
});
