import { z } from 'zod';
import { MESSAGE_TYPES, signerFor } from '../cryptography/signatures.ts';
import { keyWithId } from '../keys/key-id.ts';
import { keySpecRow } from '../keys/key-specs.ts';
import { assertUsable } from '../keys/key-state.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import { currentPair } from '../keys/versions.ts';
import type { Call } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import { base64 } from '../protocol/base64.ts';
import { dryRun, grantTokens, keyId } from '../protocol/members.ts';

/** What Sign and Verify both take. */
export const signatureMembers = {
  KeyId: keyId,
  Message: base64(0, 4096),
  MessageType: z.enum(MESSAGE_TYPES).default('RAW'),
  SigningAlgorithm: z.enum([
    'RSASSA_PKCS1_V1_5_SHA_256',
    'RSASSA_PKCS1_V1_5_SHA_384',
    'RSASSA_PKCS1_V1_5_SHA_512',
    'RSASSA_PSS_SHA_256',
    'RSASSA_PSS_SHA_384',
    'RSASSA_PSS_SHA_512',
    'ECDSA_SHA_256',
    'ECDSA_SHA_384',
    'ECDSA_SHA_512',
    'ED25519_SHA_512',
    'ED25519_PH_SHA_512',
    'ML_DSA_SHAKE_256',
    'SM2DSA',
  ]),
  GrantTokens: grantTokens,
  DryRun: dryRun,
} as const;

/** A key that may be used to sign and verify a message with an algorithm that both have. */
export interface ReadySigningKey {
  readonly key: KmsKey;
  sign(): Uint8Array;
  verify(signature: Uint8Array): boolean;
}

/**
 * Runs every check of a request to sign or verify, short of doing it. Throws InvalidKeyUsageException for a foreign
 * algorithm, and as `signerFor` does.
 */
export function readyToSign(
  call: Call,
  { KeyId, Message, MessageType, SigningAlgorithm }: z.output<z.ZodObject<typeof signatureMembers>>,
): ReadySigningKey {
  const key = keyWithId(call, KeyId);
  assertUsable(call, key, 'SIGN_VERIFY');
  const algorithm = keySpecRow(key.spec).algorithms.SIGN_VERIFY?.find((name) => name === SigningAlgorithm);
  if (algorithm === undefined) {
    throw new KmsException(
      'InvalidKeyUsageException',
      `The key ${key.arn} does not have the algorithm ${SigningAlgorithm}.`,
    );
  }
  const signer = signerFor({ algorithm, message: Message, messageType: MessageType });
  const pair = currentPair(key);
  return {
    key,
    sign: () => signer.sign(pair, Message),
    verify: (signature) => signer.verify(pair, signature, Message),
  };
}
