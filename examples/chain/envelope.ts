import { awsKmsKeyring } from '@holdfast/keyrings/aws-kms';
import { type DecryptResult, type EncryptionContext, encryptionClient } from '@holdfast/sdk';
import type { Chain } from './chain.ts';

/** An implementation of the AWS Encryption SDK with one keyring: bytes in, message out, and back. */
export interface Envelope<Result extends Opened = Opened> {
  seal(plaintext: Uint8Array, encryptionContext: EncryptionContext): Promise<Uint8Array>;
  /** Opens a message that must have been sealed with this context. */
  open(message: Uint8Array, encryptionContext: EncryptionContext): Promise<Result>;
}

/** An authenticated plaintext with the authenticated context of its message. */
interface Opened {
  readonly plaintext: Uint8Array;
  readonly encryptionContext: EncryptionContext;
}

/** Holdfast with a keyring for the chain's KMS key: this is all that an application has to write. */
export function holdfast({ kms, keyArn }: Pick<Chain, 'kms' | 'keyArn'>): Envelope<DecryptResult> {
  const client = encryptionClient();
  const keyring = awsKmsKeyring({ client: kms, generatorKeyId: keyArn });
  return {
    async seal(plaintext, encryptionContext) {
      const { message } = await client.encrypt(plaintext, { keyring, encryptionContext });
      return message;
    },
    open: (message, encryptionContext) => client.decrypt(message, { keyring, encryptionContext }),
  };
}
