import { keyMaterialIdOf } from '../cryptography/encryption.ts';
import type { Call } from '../kms.ts';
import type { Output } from '../protocol/operation.ts';
import { toTimestamp } from '../protocol/time.ts';
import { KEY_SPECS, type KeySpec } from './key-specs.ts';
import { keyState } from './key-state.ts';
import type { KmsKey } from './keys.ts';

/** The `KeyMetadata` of CreateKey and DescribeKey. */
export function keyMetadata(call: Call, key: KmsKey): Output {
  const state = keyState(call, key);
  const { external } = key;
  return {
    AWSAccountId: call.scope.accountId,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: toTimestamp(key.createdAt),
    Enabled: state === 'Enabled',
    Description: key.description,
    KeyUsage: KEY_SPECS[key.spec].usage,
    KeyState: state,
    Origin: external ? 'EXTERNAL_KEY_STORE' : 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    MultiRegion: false,
    ...algorithmsOf(key.spec),
    CurrentKeyMaterialId: keyMaterialIdOf(key),
    ...(external && {
      CustomKeyStoreId: external.customKeyStoreId,
      XksKeyConfiguration: { Id: external.xksKeyId },
    }),
  };
}

/** The lists of algorithms in the metadata of a key; a list with nothing in it is left out. */
export function algorithmsOf(spec: KeySpec): Output {
  const { encryptionAlgorithms, keyAgreementAlgorithms } = KEY_SPECS[spec];
  return {
    ...(encryptionAlgorithms.length > 0 && { EncryptionAlgorithms: encryptionAlgorithms }),
    ...(keyAgreementAlgorithms.length > 0 && { KeyAgreementAlgorithms: keyAgreementAlgorithms }),
  };
}
