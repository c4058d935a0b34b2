import { z } from 'zod';
import { decapsulation } from '../cryptography/ml-kem.ts';
import { keyWithId } from '../keys/key-id.ts';
import { assertUsable } from '../keys/key-state.ts';
import { latticePair } from '../keys/material/lattice-pairs.ts';
import { currentPair } from '../keys/versions.ts';
import { KmsException } from '../kms-exception.ts';
import { toBase64 } from '../protocol/base64.ts';
import {
  assertNotDryRun,
  ciphertextBlob,
  dryRun,
  encapsulationAlgorithm,
  grantTokens,
  keyId,
} from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/**
 * The secret that Encapsulate made, or the holder of the public key. What was made for another key, or changed, is
 * answered with another secret and with no exception (implicit rejection).
 */
export const decapsulate = operation({
  input: z.object({
    KeyId: keyId,
    SharedSecretCiphertextBlob: ciphertextBlob,
    EncapsulationAlgorithm: encapsulationAlgorithm,
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  run({ KeyId, SharedSecretCiphertextBlob, EncapsulationAlgorithm, DryRun }, call) {
    const key = keyWithId(call, KeyId);
    assertUsable(call, key, 'ENCAPSULATE_DECAPSULATE');
    const secretOf = decapsulation(latticePair(currentPair(key)), SharedSecretCiphertextBlob);
    if (!secretOf) {
      throw new KmsException(
        'InvalidCiphertextException',
        `The ciphertext does not have the length of one of ${key.spec}.`,
      );
    }
    assertNotDryRun(DryRun);
    const sharedSecret = secretOf();
    const SharedSecret = toBase64(sharedSecret);
    sharedSecret.fill(0);
    return { KeyId: key.arn, SharedSecret, EncapsulationAlgorithm };
  },
});
