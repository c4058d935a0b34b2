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
  /**
   * The whole authenticated context: the pairs that the message stores, that the caller reproduced and that the library
   * added.
   */
  readonly encryptionContext: EncryptionContext;
  readonly suite: AlgorithmSuite;
  readonly header: MessageHeader;
}

/** Decrypts messages of the AWS Encryption SDK under one policy. */
export interface DecryptionClient extends Required<ClientOptions> {
  /**
   * Decrypts a whole message, which must not change until the promise settles. Nothing is released before the last tag,
   * and the signature of a signed message, have verified.
   *
   * Rejects with `TypeError` for wrong arguments, and with `EncryptionSdkError` of any code except those of encrypt
   * alone. `KEYRING_FAILED` means that a cache did not get materials in time.
   *
   * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/client-apis/decrypt.md
   */
  decrypt(message: Uint8Array, options: DecryptOptions): Promise<DecryptResult>;
  /**
   * Like {@link decrypt}, in chunks. For streams, see `transformStream`, `iterate` and, for Node, `duplex`. Plaintext
   * is released frame by frame; that of a signed message is held back until the signature has verified, unless the
   * options say otherwise. Also fails with `SIGNED_MESSAGE_REFUSED` or `BUFFER_LIMIT_EXCEEDED`.
   */
  decryptor(options: DecryptorOptions): ChunkTransform;
}

/**
 * A client that only decrypts: bundlers can leave out all code that only encryption needs.
 *
 * @throws TypeError for an unknown policy
 * @throws RangeError unless the limit is an integer from 1 to 65535, or `Infinity`
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
