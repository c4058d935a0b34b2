import {
  buildClient,
  CommitmentPolicy,
  getLocalCryptographicMaterialsCache,
  NodeCachingMaterialsManager,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import { ENCRYPTION_CONTEXT, NAMES, type Sdk, type Workload, wrappingKey } from './side.ts';

/** The AWS Encryption SDK for JavaScript with a raw AES keyring. */
export function peer({ suite, frameLength, plaintextLength, isCached }: Workload): Sdk {
  const source = isCached ? cachingManager() : keyring;
  const writing = {
    suiteId: suite,
    encryptionContext: ENCRYPTION_CONTEXT,
    frameLength,
    // It does not use a cached key without.
    ...(isCached && { plaintextLength }),
  };
  return {
    encrypt: async (plaintext) => (await client.encrypt(source, plaintext, writing)).result,
    decrypt: async (message) => (await client.decrypt(source, message)).plaintext,
    stream: (direction) =>
      direction === 'encrypt' ? client.encryptStream(source, writing) : client.decryptStream(source),
  };
}

function cachingManager(): NodeCachingMaterialsManager {
  return new NodeCachingMaterialsManager({
    backingMaterials: keyring,
    cache: getLocalCryptographicMaterialsCache(100),
    maxAge: 3_600_000,
  });
}

const client = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
const keyring = new RawAesKeyringNode({
  keyNamespace: NAMES.namespace,
  keyName: NAMES.name,
  unencryptedMasterKey: wrappingKey(),
  wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  utf8Sorting: true,
});
