import { buildClient, CommitmentPolicy, KmsKeyringNode } from '@aws-crypto/client-node';
import type { Chain } from './chain.ts';
import { expectContext, expectSameBytes } from './comparison.ts';
import type { Envelope } from './envelope.ts';

/** The AWS Encryption SDK for JavaScript, behind the same two calls and the same KMS key as ours. */
export function awsEncryptionSdk({ kms, keyArn }: Pick<Chain, 'kms' | 'keyArn'>): Envelope {
  const client = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
  const keyring = new KmsKeyringNode({
    generatorKeyId: keyArn,
    // @ts-expect-error its declarations were not written with exactOptionalPropertyTypes in mind
    clientProvider: () => kms,
  });
  return {
    async seal(plaintext, encryptionContext) {
      const { result } = await client.encrypt(keyring, plaintext, {
        encryptionContext: { ...encryptionContext },
      });
      return result;
    },
    async open(message) {
      const { plaintext, messageHeader } = await client.decrypt(keyring, message);
      return { plaintext, encryptionContext: messageHeader.encryptionContext };
    },
  };
}

/**
 * One implementation seals and the other opens.
 *
 * @throws Mismatch if what comes out is not what went in; the opener's own error if it refuses
 */
export async function exchange(
  what: string,
  sealer: Envelope,
  opener: Envelope,
  plaintext: Uint8Array,
  encryptionContext: Readonly<Record<string, string>>,
): Promise<void> {
  const opened = await opener.open(await sealer.seal(plaintext, encryptionContext), encryptionContext);
  expectSameBytes(what, opened.plaintext, plaintext);
  expectContext(what, opened.encryptionContext, encryptionContext);
}
