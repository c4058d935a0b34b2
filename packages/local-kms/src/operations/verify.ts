import { z } from 'zod';
import { readyToSign, signatureMembers } from '../key-use/signing-key.ts';
import { KmsException } from '../kms-exception.ts';
import { base64 } from '../protocol/base64.ts';
import { assertNotDryRun } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Says that a signature is right; one that is not is KMSInvalidSignatureException. */
export const verify = operation({
  input: z.object({ ...signatureMembers, Signature: base64(1, 6144) }),
  run(request, call) {
    const ready = readyToSign(call, request);
    assertNotDryRun(request.DryRun);
    if (!ready.verify(request.Signature)) {
      throw new KmsException(
        'KMSInvalidSignatureException',
        'The signature is not one of the key and message.',
      );
    }
    return { KeyId: ready.key.arn, SignatureValid: true, SigningAlgorithm: request.SigningAlgorithm };
  },
});
