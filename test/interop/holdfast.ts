import { encryptionClient, type Keyring, type MessageHeader } from '@holdfast/sdk';
import type { HeaderFacts, Implementation } from './implementation.ts';

/** This repository's implementation. */
export function holdfast(keyring: Keyring): Implementation {
  return {
    name: 'Holdfast',
    async encrypt(plaintext, { commitmentPolicy, ...options }) {
      const client = encryptionClient({ commitmentPolicy });
      const { message, header } = await client.encrypt(plaintext, { keyring, ...options });
      return { message, header: facts(header) };
    },
    async decrypt(message, commitmentPolicy) {
      const { plaintext, header } = await encryptionClient({ commitmentPolicy }).decrypt(message, {
        keyring,
      });
      return { plaintext, header: facts(header) };
    },
  };
}

function facts(header: MessageHeader): HeaderFacts {
  const { suite, messageId, contentType, frameLength, commitKey } = header;
  return {
    suite: suite.id,
    messageVersion: suite.messageVersion,
    messageId: hex(messageId),
    contentType,
    frameLength,
    commitKey: hex(commitKey),
    encryptionContext: { ...header.encryptionContext },
    encryptedDataKeys: header.encryptedDataKeys.map(({ providerId, providerInfo, ciphertext }) => ({
      providerId,
      providerInfo: hex(providerInfo),
      ciphertext: hex(ciphertext),
    })),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
