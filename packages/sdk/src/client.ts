import {
  type ChunkTransform,
  chunkDecryptor,
  chunkEncryptor,
  type DecryptorOptions,
  type EncryptorOptions,
} from './chunks.ts';
import { type CommitmentPolicy, isCommitmentPolicy } from './commitment-policy.ts';
import type { EncryptionContext } from './context.ts';
import { MessageDecryptor } from './decrypt.ts';
import { startEncryption } from './encrypt.ts';
import type { MessageHeader } from './format/header.ts';
import {
  assertBytes,
  type DecryptOptions,
  type EncryptOptions,
  isIntegerBetween,
  parseDecryptOptions,
  parseEncryptOptions,
} from './options.ts';
import type { AlgorithmSuite } from './suites.ts';

/** Options of {@link encryptionClient}. */
export interface EncryptionClientOptions {
  /** Default `REQUIRE_ENCRYPT_REQUIRE_DECRYPT`. */
  readonly commitmentPolicy?: CommitmentPolicy;
  /**
   * Most encrypted data keys a message may have, for encrypt and for decrypt: each one may cost a call to a
   * key service. Default 64; `Infinity` switches the limit off.
   */
  readonly maxEncryptedDataKeys?: number;
}

/** A message and what it was written with. */
export interface EncryptResult {
  readonly message: Uint8Array;
  /** The whole context, with what the library and the CMM added. */
  readonly encryptionContext: EncryptionContext;
  readonly suite: AlgorithmSuite;
  readonly header: MessageHeader;
}

/** An authenticated plaintext and what it was written with. */
export interface DecryptResult {
  readonly plaintext: Uint8Array;
  /** The whole authenticated context: what the message stores, what the caller reproduced, what the library added. */
  readonly encryptionContext: EncryptionContext;
  readonly suite: AlgorithmSuite;
  readonly header: MessageHeader;
}

/** Encrypts and decrypts messages of the AWS Encryption SDK under one policy. */
export interface EncryptionClient {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly maxEncryptedDataKeys: number;
  /**
   * A framed message for `plaintext`, which must not change until the promise settles.
   *
   * Rejects with `TypeError` or `RangeError` for wrong arguments, with `EncryptionSdkError`
   * `COMMITMENT_POLICY_VIOLATED`, `ENCRYPTION_CONTEXT_INVALID`, `FRAME_LIMIT_EXCEEDED`, `KEYRING_FAILED`,
   * `MATERIALS_INVALID` or `TOO_MANY_ENCRYPTED_DATA_KEYS`.
   *
   * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/client-apis/encrypt.md
   */
  encrypt(plaintext: Uint8Array, options: EncryptOptions): Promise<EncryptResult>;
  /**
   * The plaintext of a whole message, which must not change until the promise settles. Nothing is released
   * before the last tag, and the signature of a signed message, have verified.
   *
   * Rejects with `TypeError` for wrong arguments, with `EncryptionSdkError` of any code but those of encrypt alone.
   *
   * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/client-apis/decrypt.md
   */
  decrypt(message: Uint8Array, options: DecryptOptions): Promise<DecryptResult>;
  /**
   * As {@link encrypt}, in chunks: for streams, see `transformStream`, `iterate` and, for Node, `duplex`.
   * Also fails with `PLAINTEXT_TOO_LONG` where a bound was given.
   */
  encryptor(options: EncryptorOptions): ChunkTransform;
  /**
   * As {@link decrypt}, in chunks. Plaintext comes out frame by frame; that of a signed message is held back
   * until the signature has verified, unless the options say otherwise.
   * Also fails with `SIGNED_MESSAGE_REFUSED` or `BUFFER_LIMIT_EXCEEDED`.
   */
  decryptor(options: DecryptorOptions): ChunkTransform;
}

/**
 * The entry point: a client with a commitment policy and limits that do not change.
 *
 * @throws TypeError for an unknown policy
 * @throws RangeError for a limit below 1 or not an integer
 * @example
 * const client = encryptionClient();
 * const { message } = await client.encrypt(plaintext, { keyring, encryptionContext: { tenant: '42' } });
 * const { plaintext: again } = await client.decrypt(message, { keyring });
 */
export function encryptionClient(options: EncryptionClientOptions = {}): EncryptionClient {
  const { commitmentPolicy = 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT', maxEncryptedDataKeys = 64 } = options;
  if (!isCommitmentPolicy(commitmentPolicy)) throw new TypeError('commitmentPolicy: unknown policy');
  if (maxEncryptedDataKeys !== Infinity && !isIntegerBetween(maxEncryptedDataKeys, 1, 0xffff)) {
    throw new RangeError('maxEncryptedDataKeys: expected an integer from 1 to 65535, or Infinity');
  }
  const policy = { commitmentPolicy, maxEncryptedDataKeys };
  return {
    ...policy,
    async encrypt(plaintext, encryptOptions) {
      assertBytes(plaintext, 'plaintext');
      const encryptor = await startEncryption(parseEncryptOptions(policy, encryptOptions, plaintext.length));
      const { header, encryptionContext } = encryptor;
      const message = await encryptor.final(plaintext);
      return { message, encryptionContext, suite: header.suite, header };
    },
    async decrypt(message, decryptOptions) {
      assertBytes(message, 'message');
      const decryptor = new MessageDecryptor(parseDecryptOptions(policy, decryptOptions));
      const { plaintext, header, encryptionContext } = await decryptor.final(message);
      return { plaintext, encryptionContext, suite: header.suite, header };
    },
    encryptor: (encryptorOptions) => chunkEncryptor(policy, encryptorOptions),
    decryptor: (decryptorOptions) => chunkDecryptor(policy, decryptorOptions),
  };
}
