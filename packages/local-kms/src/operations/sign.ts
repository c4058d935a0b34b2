import { z } from 'zod';
import { readyToSign, signatureMembers } from '../key-use/signing-key.ts';
import { toBase64 } from '../protocol/base64.ts';
import { assertNotDryRun } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Signs a message of up to 4096 bytes, or a digest. */
export const sign = operation({
  input: z.object(signatureMembers),
  run(request, call) {
    const ready = readyToSign(call, request);
    assertNotDryRun(request.DryRun);
    const Signature = toBase64(ready.sign());
    return { KeyId: ready.key.arn, Signature, SigningAlgorithm: request.SigningAlgorithm };
  },
});
