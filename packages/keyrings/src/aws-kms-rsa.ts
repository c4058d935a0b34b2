import { constants, createHash, type KeyObject, publicEncrypt } from 'node:crypto';
import { DecryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import {
  constantTimeEqual,
  contextBytes,
  type EncryptionContext,
  type Keyring,
  secretBytes,
} from '@holdfast/sdk/spi';
import { answerBytes } from './internal/aws-kms/answer-bytes.ts';
import { isRelatedKey, parseAwsKmsKeyArn } from './internal/aws-kms/arn.ts';
import { checkClient, checkGrantTokens } from './internal/aws-kms/clients.ts';
import { AWS_KMS_FAILURES } from './internal/aws-kms/failures.ts';
import { providerInfoText } from './internal/aws-kms/provider-info.ts';
import { dataKeyNotOpened } from './internal/data-key-not-opened.ts';
import { KeyringError } from './internal/errors.ts';
import { type KeyInput, publicKeyObject } from './internal/key-object.ts';
import { callKeyService, invalidAnswer } from './internal/key-service.ts';
import { assertRsaKey } from './internal/rsa/rsa-key.ts';
import {
  assertNoDataKey,
  openFirst,
  wipeOnFailure,
  withDataKey,
  withEncryptedDataKey,
} from './internal/wrapping.ts';

export type { KeyInput } from './internal/key-object.ts';

/** The paddings of AWS KMS, by its names: OAEP, with the same hash for MGF1. */
export type AwsKmsRsaEncryptionAlgorithm = keyof typeof OAEP_HASHES;

/** Options of {@link awsKmsRsaKeyring}. */
export interface AwsKmsRsaKeyringOptions {
  /** ARN of an RSA key of AWS KMS for encryption. It stands in messages; an alias or key id could never open them. */
  readonly keyArn: string;
  /** Must be the same for writers and readers. */
  readonly encryptionAlgorithm: AwsKmsRsaEncryptionAlgorithm;
  /** The public half, 2048 bits or more, as GetPublicKey returns it. Without it, the keyring only opens data keys. */
  readonly publicKey?: KeyInput;
  /** For the region of the key. Without it, the keyring only wraps data keys, and makes no calls. */
  readonly client?: KMSClient;
  /** Sent with every request; at most 10. */
  readonly grantTokens?: readonly string[];
}

/**
 * Wraps data keys with the public half of an RSA key, without a call, and has AWS KMS open them. A digest of the
 * encryption context is wrapped together with the data key. Also opens data keys that name a related multi-Region key.
 *
 * Takes no algorithm suites that sign, in either direction: any holder of the public key can write messages, so that a
 * signature would prove nothing. The default suite of a client signs; ask for another.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET`, `DATA_KEY_NOT_OPENED` or `KEY_SERVICE_UNAVAILABLE`; with
 * `TypeError` on encrypt without a public key or with a suite that signs, and on decrypt without a client.
 *
 * @throws TypeError for an invalid ARN, algorithm, public key or client, or neither public key nor client
 * @throws RangeError for a public key below 2048 bits, or more than 10 grant tokens
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-rsa-keyring.md
 * @example
 * const keyring = awsKmsRsaKeyring({ keyArn, encryptionAlgorithm: 'RSAES_OAEP_SHA_256', publicKey, client });
 * const { message } = await encryptionClient().encrypt(plaintext, { keyring, suite: 0x0478 });
 */
export function awsKmsRsaKeyring(options: AwsKmsRsaKeyringOptions): Keyring {
  const { keyArn, encryptionAlgorithm } = options;
  if (parseAwsKmsKeyArn(keyArn) === undefined) throw new TypeError('keyArn: expected the ARN of a key');
  if (!Object.hasOwn(OAEP_HASHES, encryptionAlgorithm)) {
    throw new TypeError(`encryptionAlgorithm: expected ${Object.keys(OAEP_HASHES).join(' or ')}`);
  }
  if (options.publicKey === undefined && options.client === undefined) {
    throw new TypeError('publicKey: expected one to wrap data keys, or a client to open them, or both');
  }
  const publicKey = options.publicKey === undefined ? undefined : rsaPublicKey(options.publicKey);
  const client = options.client === undefined ? undefined : checkClient(options.client);
  const grantTokens = checkGrantTokens(options.grantTokens);

  return {
    async onEncrypt(materials) {
      if (publicKey === undefined) throw new TypeError('publicKey: expected one, to wrap a data key');
      if (materials.suite.signature !== undefined) {
        throw new TypeError('suite: expected one without signature, such as 0x0478');
      }
      const digest = contextDigest(materials.encryptionContext);
      const complete = withDataKey(materials);
      const isOwnDataKey = materials.dataKey === undefined;
      return wipeOnFailure(isOwnDataKey ? complete.dataKey : undefined, () => {
        const ciphertext = seal(publicKey, OAEP_HASHES[encryptionAlgorithm], digest, complete.dataKey);
        const providerInfo = new TextEncoder().encode(keyArn);
        return withEncryptedDataKey(complete, { providerId: PROVIDER_ID, providerInfo, ciphertext });
      });
    },

    async onDecrypt(materials, encryptedDataKeys) {
      if (client === undefined) throw new TypeError('client: expected one, to open a data key');
      assertNoDataKey(materials);
      if (materials.suite.signature !== undefined) {
        const message = 'the suite signs, which proves nothing under a public key';
        throw dataKeyNotOpened([new KeyringError('DATA_KEY_NOT_OPENED', message)]);
      }
      const digest = contextDigest(materials.encryptionContext);
      const own = encryptedDataKeys.filter(
        ({ providerId, providerInfo }) =>
          providerId === PROVIDER_ID && isRelatedKey(keyArn, providerInfoText(providerInfo) ?? ''),
      );
      return openFirst(materials, own, async ({ ciphertext }) => {
        const request = new DecryptCommand({
          KeyId: keyArn,
          CiphertextBlob: ciphertext,
          EncryptionAlgorithm: encryptionAlgorithm,
          GrantTokens: grantTokens,
        });
        const { KeyId, Plaintext } = await callKeyService(AWS_KMS_FAILURES, () => client.send(request));
        const plaintext = answerBytes(Plaintext);
        try {
          if (KeyId !== keyArn) throw invalidAnswer('AWS KMS', 'another key than was asked for');
          return open(plaintext, digest, materials.suite.dataKeyLength);
        } finally {
          plaintext?.fill(0);
        }
      });
    },
  };
}

function rsaPublicKey(input: KeyInput): KeyObject {
  const key = publicKeyObject('publicKey', input);
  assertRsaKey('publicKey', key, MIN_MODULUS_BITS);
  return key;
}

function contextDigest(encryptionContext: EncryptionContext): Uint8Array {
  return createHash('sha384').update(contextBytes(encryptionContext)).digest();
}

/** Encrypts digest and data key under one padding: neither can be exchanged without the other. */
function seal(key: KeyObject, oaepHash: string, digest: Uint8Array, dataKey: Uint8Array): Uint8Array {
  const plaintext = secretBytes(digest.length + dataKey.length);
  try {
    plaintext.set(digest);
    plaintext.set(dataKey, digest.length);
    return Uint8Array.from(
      publicEncrypt({ key, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING }, plaintext),
    );
  } finally {
    plaintext.fill(0);
  }
}

/** Returns the data key that follows the digest, in memory of its own. */
function open(plaintext: Uint8Array | undefined, digest: Uint8Array, dataKeyLength: number): Uint8Array {
  if (plaintext?.length !== digest.length + dataKeyLength) {
    throw invalidAnswer('AWS KMS', 'a plaintext of another length');
  }
  if (!constantTimeEqual(plaintext.subarray(0, digest.length), digest)) {
    throw new KeyringError('DATA_KEY_NOT_OPENED', 'the encryption context is another');
  }
  const dataKey = secretBytes(dataKeyLength);
  dataKey.set(plaintext.subarray(digest.length));
  return dataKey;
}

const OAEP_HASHES = { RSAES_OAEP_SHA_1: 'sha1', RSAES_OAEP_SHA_256: 'sha256' } as const;
const PROVIDER_ID = 'aws-kms-rsa';
const MIN_MODULUS_BITS = 2048;
