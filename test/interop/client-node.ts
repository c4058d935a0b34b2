import { buildClient, CommitmentPolicy, type KeyringNode, type MessageHeader } from '@aws-crypto/client-node';
import type { HeaderFacts, Implementation } from './implementation.ts';

/** The AWS Encryption SDK for JavaScript. */
export function clientNode(keyring: KeyringNode): Implementation {
  return {
    name: '@aws-crypto/client-node',
    async encrypt(plaintext, { commitmentPolicy, suite, frameLength, encryptionContext }) {
      const { encrypt } = buildClient(CommitmentPolicy[commitmentPolicy]);
      const { result, messageHeader } = await encrypt(keyring, plaintext, {
        ...(suite === undefined ? {} : { suiteId: suite }),
        ...(frameLength === undefined ? {} : { frameLength }),
        ...(encryptionContext === undefined ? {} : { encryptionContext }),
      });
      return { message: result, header: facts(messageHeader) };
    },
    async decrypt(message, commitmentPolicy) {
      const { decrypt } = buildClient(CommitmentPolicy[commitmentPolicy]);
      const { plaintext, messageHeader } = await decrypt(keyring, message);
      return { plaintext, header: facts(messageHeader) };
    },
  };
}

function facts(header: MessageHeader): HeaderFacts {
  return {
    suite: header.suiteId,
    messageVersion: header.version,
    messageId: hex(header.messageId),
    contentType: contentTypes[header.contentType],
    frameLength: header.frameLength,
    commitKey: 'suiteData' in header ? hex(header.suiteData) : '',
    encryptionContext: { ...header.encryptionContext },
    encryptedDataKeys: header.encryptedDataKeys.map(
      ({ providerId, providerInfo, rawInfo, encryptedDataKey }) => ({
        providerId,
        // It keeps the bytes only where they need not be text.
        providerInfo: hex(rawInfo ?? Buffer.from(providerInfo)),
        ciphertext: hex(encryptedDataKey),
      }),
    ),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

const contentTypes = { 1: 'non-framed', 2: 'framed' } as const;
