import { GetPublicKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { awsKmsKeyring } from '@holdfast/keyrings/aws-kms';
import { awsKmsEcdhKeyring } from '@holdfast/keyrings/aws-kms-ecdh';
import { awsKmsRsaKeyring } from '@holdfast/keyrings/aws-kms-rsa';
import type { Keyring } from '@holdfast/sdk';

/** The keys of AWS KMS that keyrings wrap with, and how they are made. */
export const kmsKeys = {
  symmetric: {},
  rsa: { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
  'key agreement': { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' },
} as const;

/** A keyring that wraps with, and opens with, one key of a kind. */
export async function keyringOf(kind: string, client: KMSClient, keyArn: string): Promise<Keyring> {
  if (kind === 'symmetric') return awsKmsKeyring({ client, generatorKeyId: keyArn });
  const { PublicKey: publicKey = '' } = await client.send(new GetPublicKeyCommand({ KeyId: keyArn }));
  return kind === 'rsa'
    ? awsKmsRsaKeyring({ client, keyArn, encryptionAlgorithm: 'RSAES_OAEP_SHA_256', publicKey })
    : awsKmsEcdhKeyring({ client, keyArn, curve: 'P-256', schema: 'static', peerPublicKey: publicKey });
}
