import { createPublicKey } from 'node:crypto';
import { DeriveSharedSecretCommand, GetPublicKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { type EcdhCurve, type EcdhPublicKey, ecdhPublicKey } from '../ecdh/points.ts';
import { publicKeyObject } from '../key-object.ts';
import { callKeyService, invalidAnswer } from '../key-service.ts';
import { wipeOnFailure } from '../wrapping.ts';
import { answerBytes } from './answer-bytes.ts';
import { AWS_KMS_FAILURES } from './failures.ts';

/** One key agreement key of AWS KMS, and what a request for it needs. */
export interface KeyAgreementKey {
  readonly client: KMSClient;
  readonly keyArn: string;
  readonly curve: EcdhCurve;
  readonly grantTokens: string[];
}

/**
 * Resolves to the public half of the key, by GetPublicKey.
 *
 * @throws KeyringError `KEY_SERVICE_…`; `KEY_SERVICE_ANSWER_INVALID` also for a key of another use or curve
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/key-agreement-schemas.md
 */
export async function ownPublicKey(key: KeyAgreementKey): Promise<EcdhPublicKey> {
  const request = new GetPublicKeyCommand({ KeyId: key.keyArn, GrantTokens: key.grantTokens });
  const { KeyId, KeyUsage, PublicKey } = await callKeyService(AWS_KMS_FAILURES, () =>
    key.client.send(request),
  );
  if (KeyId !== key.keyArn) throw invalidAnswer('AWS KMS', 'another key than was asked for');
  const publicKey = parsePublicKey(answerBytes(PublicKey));
  if (KeyUsage !== 'KEY_AGREEMENT' || publicKey?.curve !== key.curve) {
    throw invalidAnswer('AWS KMS', `no public key for key agreement on ${key.curve}`);
  }
  return publicKey;
}

/**
 * Resolves to the x coordinate on which the key and `peer` agree, by DeriveSharedSecret, in full length. The caller wipes it.
 *
 * @throws KeyringError `KEY_SERVICE_…`
 */
export async function deriveSharedSecret(key: KeyAgreementKey, peer: EcdhPublicKey): Promise<Uint8Array> {
  const request = new DeriveSharedSecretCommand({
    KeyId: key.keyArn,
    KeyAgreementAlgorithm: 'ECDH',
    PublicKey: uncompressedDer(peer),
    GrantTokens: key.grantTokens,
  });
  const answer = await callKeyService(AWS_KMS_FAILURES, () => key.client.send(request));
  const { KeyId, KeyAgreementAlgorithm } = answer;
  const secret = answerBytes(answer.SharedSecret);
  return wipeOnFailure(secret, () => {
    if (KeyId !== key.keyArn) throw invalidAnswer('AWS KMS', 'another key than was asked for');
    // A compressed point is a sign, followed by the x coordinate.
    if (KeyAgreementAlgorithm !== 'ECDH' || secret?.length !== peer.point.length - 1) {
      throw invalidAnswer('AWS KMS', 'a shared secret of another kind or length');
    }
    return secret;
  });
}

function parsePublicKey(publicKey: Uint8Array | undefined): EcdhPublicKey | undefined {
  try {
    return publicKey && ecdhPublicKey(publicKeyObject('PublicKey', publicKey));
  } catch {
    return undefined;
  }
}

/** Returns SubjectPublicKeyInfo with both coordinates, which every reader of public keys knows. */
function uncompressedDer({ key }: EcdhPublicKey): Uint8Array {
  const jwk = key.export({ format: 'jwk' });
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' });
}
