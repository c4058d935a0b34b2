import { z } from 'zod';
import { encapsulate as encapsulateFor } from '../cryptography/ml-kem.ts';
import { keyWithId } from '../keys/key-id.ts';
import { assertUsable } from '../keys/key-state.ts';
import { latticePair } from '../keys/material/lattice-pairs.ts';
import { currentPair } from '../keys/versions.ts';
import { toBase64 } from '../protocol/base64.ts';
import { assertNotDryRun, dryRun, encapsulationAlgorithm, grantTokens, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** A secret of 32 bytes, and the ciphertext that Decapsulate recovers it from. */
export const encapsulate = operation({
  input: z.object({
    KeyId: keyId,
    EncapsulationAlgorithm: encapsulationAlgorithm,
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  run({ KeyId, EncapsulationAlgorithm, DryRun }, call) {
    const key = keyWithId(call, KeyId);
    assertUsable(call, key, 'ENCAPSULATE_DECAPSULATE');
    assertNotDryRun(DryRun);
    const { sharedSecret, ciphertext } = encapsulateFor(latticePair(currentPair(key)));
    const SharedSecret = toBase64(sharedSecret);
    sharedSecret.fill(0);
    return {
      KeyId: key.arn,
      SharedSecret,
      SharedSecretCiphertextBlob: toBase64(ciphertext),
      EncapsulationAlgorithm,
    };
  },
});
