import { z } from 'zod';
import { isKeySpec, keySpecRow } from '../keys/key-specs.ts';
import type { PairMaterial } from '../keys/material/key-material.ts';
import { materialBytes, publicKeyBytes } from '../keys/material/material-bytes.ts';
import type { Call } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import { toBase64 } from '../protocol/base64.ts';
import { assertNotDryRun, dryRun, encryptionContext, grantTokens, keyId } from '../protocol/members.ts';
import type { Output } from '../protocol/operation.ts';
import { readyToEncrypt } from './encryption.ts';

/** What the two operations that generate data key pairs take. */
export const dataKeyPairInput = z.object({
  KeyId: keyId,
  KeyPairSpec: z.enum([
    'RSA_2048',
    'RSA_3072',
    'RSA_4096',
    'ECC_NIST_P256',
    'ECC_NIST_P384',
    'ECC_NIST_P521',
    'ECC_SECG_P256K1',
    'ECC_NIST_EDWARDS25519',
    'ML_KEM_512',
    'ML_KEM_768',
    'ML_KEM_1024',
    'SM2',
  ]),
  EncryptionContext: encryptionContext,
  GrantTokens: grantTokens,
  DryRun: dryRun,
});

/**
 * Generates a key pair and encrypts its private key under a symmetric key. `answer` sees the private key in
 * PKCS #8 and may add it to what both operations say; its bytes are wiped in any case.
 */
export async function withDataKeyPair(
  { KeyId, KeyPairSpec, EncryptionContext, DryRun }: z.output<typeof dataKeyPairInput>,
  call: Call,
  answer: (privateKey: Uint8Array) => Output,
): Promise<Output> {
  const { key, cipher } = readyToEncrypt(call, {
    keyId: KeyId,
    algorithm: 'SYMMETRIC_DEFAULT',
    context: EncryptionContext,
  });
  if (key.external) throw unsupported('A key in a custom key store encrypts no data key pairs.');
  const generatePair = pairGenerator(KeyPairSpec);
  assertNotDryRun(DryRun);
  const pair = await generatePair();
  const pkcs8 = materialBytes(pair);
  try {
    const { ciphertext, keyMaterialId } = await cipher.encrypt(pkcs8);
    return {
      PrivateKeyCiphertextBlob: toBase64(ciphertext),
      ...answer(pkcs8),
      PublicKey: toBase64(publicKeyBytes(pair)),
      KeyId: key.arn,
      KeyPairSpec,
      KeyMaterialId: keyMaterialId,
    };
  } finally {
    pkcs8.fill(0);
  }
}

/** Throws UnsupportedOperationException for a spec that this KMS does not have. */
function pairGenerator(spec: string): () => Promise<PairMaterial> {
  if (!isKeySpec(spec)) throw unsupported(`Key pairs of the spec ${spec} are not supported.`);
  const row = keySpecRow(spec);
  return async () => {
    const material = await row.generate();
    if (material.type !== 'secret') return material;
    throw new TypeError('spec: expected one of key pairs');
  };
}

function unsupported(message: string): KmsException {
  return new KmsException('UnsupportedOperationException', message);
}
