import { z } from 'zod';
import { assertNotDryRun } from '../cryptography/encryption.ts';
import { signMessage } from '../cryptography/signatures.ts';
import { readyToSign, signatureMembers } from '../cryptography/signing-key.ts';
import { toBase64 } from '../protocol/base64.ts';
import { operation } from '../protocol/operation.ts';

/** Signs a message of up to 4096 bytes, or a digest. */
export const sign = operation({
  input: z.object(signatureMembers),
  run(request, call) {
    const { key, pair, input } = readyToSign(call, request);
    assertNotDryRun(request.DryRun);
    const signature = signMessage(pair, input);
    return { KeyId: key.arn, Signature: toBase64(signature), SigningAlgorithm: input.algorithm };
  },
});
