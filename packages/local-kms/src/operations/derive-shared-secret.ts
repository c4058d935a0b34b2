import { z } from 'zod';
import { sharedSecret } from '../cryptography/key-agreement.ts';
import { keyWithId } from '../keys/key-id.ts';
import { assertUsable } from '../keys/key-state.ts';
import { nodePair } from '../keys/material/key-pairs.ts';
import { currentPair } from '../keys/versions.ts';
import { KmsException } from '../kms-exception.ts';
import { base64, toBase64 } from '../protocol/base64.ts';
import { assertNotDryRun, dryRun, grantTokens, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** The raw ECDH secret of a key agreement key and a peer's public key. */
export const deriveSharedSecret = operation({
  input: z.object({
    KeyId: keyId,
    KeyAgreementAlgorithm: z.enum(['ECDH']),
    PublicKey: base64(1, 8192),
    GrantTokens: grantTokens,
    DryRun: dryRun,
  }),
  unsupported: ['Recipient'],
  run({ KeyId, KeyAgreementAlgorithm, PublicKey, DryRun }, call) {
    const key = keyWithId(call, KeyId);
    assertUsable(call, key, 'KEY_AGREEMENT');
    const secret = sharedSecret(nodePair(currentPair(key)), PublicKey);
    if (!secret) {
      throw new KmsException('ValidationException', `PublicKey: must be a public key of ${key.spec}`);
    }
    try {
      assertNotDryRun(DryRun);
      return { KeyId: key.arn, SharedSecret: toBase64(secret), KeyAgreementAlgorithm, KeyOrigin: key.origin };
    } finally {
      secret.fill(0);
    }
  },
});
