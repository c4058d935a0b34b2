import { z } from 'zod';
import { WRAPPING_ALGORITHMS, type WrappingAlgorithm } from '../cryptography/key-wrapping.ts';
import { assertImports } from '../keys/imported-versions.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { type KeySpec, keySpecRow } from '../keys/key-specs.ts';
import { assertState } from '../keys/key-state.ts';
import { generateRsaPair } from '../keys/material/key-pairs.ts';
import { KmsException } from '../kms-exception.ts';
import { toBase64 } from '../protocol/base64.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { toTimestamp } from '../protocol/time.ts';

/** A public key to wrap key material with, and the token that goes with it. */
export const getParametersForImport = operation({
  input: z.object({
    KeyId: keyId,
    WrappingAlgorithm: z.enum([...WRAPPING_ALGORITHMS, 'RSAES_PKCS1_V1_5', 'SM2PKE']),
    WrappingKeySpec: z.enum(['RSA_2048', 'RSA_3072', 'RSA_4096', 'SM2']),
  }),
  async run({ KeyId, WrappingAlgorithm: algorithm, WrappingKeySpec }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertImports(key);
    assertState(call, key, 'import');
    if (WrappingKeySpec === 'SM2' || algorithm === 'SM2PKE' || algorithm === 'RSAES_PKCS1_V1_5') {
      throw new KmsException('UnsupportedOperationException', `Wrapping with ${algorithm} is not supported.`);
    }
    assertWraps(algorithm, WrappingKeySpec, key.spec);
    const wrappingKey = await generateRsaPair(MODULUS_BITS[WrappingKeySpec]);
    const { token, validTo } = call.importTokens.issue({
      keyId: key.id,
      wrappingKey,
      wrappingAlgorithm: algorithm,
    });
    return {
      KeyId: key.arn,
      ImportToken: toBase64(token),
      PublicKey: toBase64(wrappingKey.publicKey.export({ format: 'der', type: 'spki' })),
      ParametersValidTo: toTimestamp(validTo),
    };
  },
});

/** OAEP alone is for what is short, an AES key in between for key pairs. */
function assertWraps(algorithm: WrappingAlgorithm, wrappingKeySpec: string, spec: KeySpec): void {
  const { type } = keySpecRow(spec);
  const tooLong = spec.startsWith('RSA') || (spec === 'ECC_NIST_P521' && wrappingKeySpec === 'RSA_2048');
  if (algorithm.startsWith('RSA_AES') ? type === 'asymmetric' : !tooLong) return;
  throw new KmsException(
    'ValidationException',
    `WrappingAlgorithm: ${algorithm} under ${wrappingKeySpec} does not go with key material of ${spec}`,
  );
}

const MODULUS_BITS = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 } as const;
