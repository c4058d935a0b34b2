import { assertLength } from './bytes.ts';
import { type ChunkTransform, chunkEncryptor, type EncryptorOptions } from './chunks.ts';
import type { EncryptionContext } from './context.ts';
import { type DecryptionClient, decryptionClient } from './decryption-client.ts';
import { startEncryption } from './encrypt.ts';
import type { MessageHeader } from './format/header.ts';
import {
  assertBytes,
  type ClientOptions,
  type EncryptOptions,
  parseClientOptions,
  parseEncryptOptions,
} from './options.ts';
import type { AlgorithmSuite } from './suites.ts';

/** A message and what it was written with. */
export interface EncryptResult {
  readonly message: Uint8Array<ArrayBuffer>;
  /** The whole context, including the pairs that the library and the CMM added. */
  readonly encryptionContext: EncryptionContext;
  readonly suite: AlgorithmSuite;
  readonly header: MessageHeader;
}

/** Encrypts and decrypts messages of the AWS Encryption SDK under one policy. */
export interface EncryptionClient extends DecryptionClient {
  /**
   * Encrypts `plaintext`, which must not change until the promise settles, as a framed message.
   *
   * Rejects with `TypeError` or `RangeError` for wrong arguments, with `EncryptionSdkError`
   * `COMMITMENT_POLICY_VIOLATED`, `ENCRYPTION_CONTEXT_INVALID`, `FRAME_LIMIT_EXCEEDED`, `KEYRING_FAILED`,
   * `MATERIALS_INVALID` or `TOO_MANY_ENCRYPTED_DATA_KEYS`.
   *
   * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/client-apis/encrypt.md
   */
  encrypt(plaintext: Uint8Array, options: EncryptOptions): Promise<EncryptResult>;
  /**
   * Like {@link encrypt}, in chunks. For streams, see `transformStream`, `iterate` and, for Node, `duplex`. Also fails
   * with `PLAINTEXT_TOO_LONG` if `maxPlaintextLength` was given.
   */
  encryptor(options: EncryptorOptions): ChunkTransform;
}

/**
 * The entry point: a client with a commitment policy and limits that do not change.
 *
 * @throws TypeError for an unknown policy
 * @throws RangeError unless the limit is an integer from 1 to 65535, or `Infinity`
 * @example
 * const client = encryptionClient();
 * const encryptionContext = { tenant: '42' };
 * const { message } = await client.encrypt(plaintext, { keyring, encryptionContext });
 * const { plaintext: again } = await client.decrypt(message, { keyring, encryptionContext });
 */
export function encryptionClient(options: ClientOptions = {}): EncryptionClient {
  if (options === null) throw new TypeError('options: expected an object');
  const policy = parseClientOptions(options);
  return Object.freeze<EncryptionClient>({
    ...decryptionClient(policy),
    async encrypt(plaintext, encryptOptions) {
      assertBytes(plaintext, 'plaintext');
      const { length } = plaintext;
      const encryptor = await startEncryption(parseEncryptOptions(policy, encryptOptions, length));
      const { header, encryptionContext } = encryptor;
      assertLength(plaintext, length);
      const message = await encryptor.whole(plaintext);
      return { message, encryptionContext, suite: header.suite, header };
    },
    encryptor: (encryptorOptions) => chunkEncryptor(policy, encryptorOptions),
  });
}
