import { type ChunkTransform, chunkDecryptor, type DecryptorOptions } from './chunks.ts';
import type { EncryptionContext } from './context.ts';
import { MessageDecryptor } from './decrypt.ts';
import type { MessageHeader } from './format/header.ts';
import {
  assertBytes,
  type ClientOptions,
  type DecryptOptions,
  parseClientOptions,
  parseDecryptOptions,
} from './options.ts';
import type { AlgorithmSuite } from './suites.ts';

/** An authenticated plaintext and what it was written with. */
export interface DecryptResult {
  readonly plaintext: Uint8Array<ArrayBuffer>;
  /** The whole authenticated context: what the message stores, what the caller reproduced, what the library added. */
  readonly encryptionContext: EncryptionContext;
  readonly suite: AlgorithmSuite;
  readonly header: MessageHeader;
}

/** Decrypts messages of the AWS Encryption SDK under one policy. */
export interface DecryptionClient extends Required<ClientOptions> {
  /**
   * The plaintext of a whole message, which must not change until the promise settles. Nothing is released
   * before the last tag, and the signature of a signed message, have verified.
   *
   * Rejects with `TypeError` for wrong arguments, with `EncryptionSdkError` of any code but those of encrypt alone;
   * `KEYRING_FAILED` is that a cache did not get materials in time.
   *
   * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/client-apis/decrypt.md
   */
  decrypt(message: Uint8Array, options: DecryptOptions): Promise<DecryptResult>;
  /**
   * As {@link decrypt}, in chunks: for streams, see `transformStream`, `iterate` and, for Node, `duplex`.
   * Plaintext comes out frame by frame; that of a signed message is held back until the signature has verified,
   * unless the options say otherwise. Also fails with `SIGNED_MESSAGE_REFUSED` or `BUFFER_LIMIT_EXCEEDED`.
   */
  decryptor(options: DecryptorOptions): ChunkTransform;
}

/**
 * A client that only decrypts: what a bundler keeps of it is without everything that encryption takes.
 *
 * @throws TypeError for an unknown policy
 * @throws RangeError for a limit below 1 or not an integer
 * @example
 * const { plaintext } = await decryptionClient().decrypt(message, { keyring });
 */
export function decryptionClient(options: ClientOptions = {}): DecryptionClient {
  const policy = parseClientOptions(options);
  return Object.freeze<DecryptionClient>({
    ...policy,
    async decrypt(message, decryptOptions) {
      assertBytes(message, 'message');
      const decryptor = new MessageDecryptor(parseDecryptOptions(policy, decryptOptions));
      const { plaintext, header, encryptionContext } = await decryptor.whole(message);
      return { plaintext, encryptionContext, suite: header.suite, header };
    },
    decryptor: (decryptorOptions) => chunkDecryptor(policy, decryptorOptions),
  });
}
