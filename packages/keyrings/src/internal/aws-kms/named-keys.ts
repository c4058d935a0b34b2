import type { KMSClient } from '@aws-sdk/client-kms';
import type { Keyring } from '@holdfast/sdk/spi';
import { multiKeyring } from '../../multi.ts';
import { assertArray } from '../array.ts';
import { KeyringError } from '../errors.ts';
import { assertNoDataKey, openFirst } from '../wrapping.ts';
import { isAwsKmsIdentifier, parseAwsKmsKeyArn } from './arn.ts';
import { checkGrantTokens, clientForKey, type KmsClientOfRegion } from './clients.ts';
import { providerInfoText } from './provider-info.ts';
import {
  AWS_KMS_PROVIDER_ID,
  generateDataKey,
  openDataKey,
  type SymmetricKey,
  wrapDataKey,
} from './symmetric-key.ts';

/** Options of the keyrings whose keys are named: at least one key in all. */
export interface AwsKmsKeyringOptions {
  /**
   * A client for the region of every key named here; or a function that returns the client of a region, for keys in
   * several regions, which then are named by ARN. The keyring adds nothing to a client's configuration.
   */
  readonly client: KMSClient | KmsClientOfRegion;
  /** The key that generates the data key: key ARN, key id, alias name or alias ARN. Decrypt needs the key ARN. */
  readonly generatorKeyId?: string;
  /** Further keys, each of which wraps the same data key. */
  readonly keyIds?: readonly string[];
  /** Sent with every request; at most 10. */
  readonly grantTokens?: readonly string[];
}

/**
 * Returns the identifiers of all keys, generator first.
 *
 * @throws TypeError for a malformed or repeated one, or none
 */
export function checkKeyIds({ generatorKeyId, keyIds = [] }: AwsKmsKeyringOptions): readonly string[] {
  assertArray('keyIds', keyIds);
  const generators = generatorKeyId === undefined ? [] : [generatorKeyId];
  assertIdentifiers('generatorKeyId', generators);
  assertIdentifiers('keyIds', keyIds);
  const all = [...generators, ...keyIds];
  if (all.length === 0) throw new TypeError('generatorKeyId: expected one, or keyIds');
  if (new Set(all).size !== all.length) throw new TypeError('keyIds: expected every key once');
  return all;
}

/**
 * A keyring of one or several named keys.
 *
 * @param opens whether a configured key opens what the key of an ARN wrapped
 * @throws TypeError for a malformed, repeated or missing key id, or a wrong client
 * @throws RangeError for too many grant tokens
 */
export function namedKeysKeyring(
  options: AwsKmsKeyringOptions,
  opens: (configured: string, wrappedBy: string) => boolean,
): Keyring {
  const { client, generatorKeyId, keyIds = [] } = options;
  checkKeyIds(options);
  const grantTokens = checkGrantTokens(options.grantTokens);
  const clientOf = clientForKey(client);
  const single = (keyId: string): Keyring =>
    singleKeyKeyring({ client: clientOf(keyId), keyId, grantTokens }, opens);
  return multiKeyring({
    ...(generatorKeyId === undefined ? {} : { generator: single(generatorKeyId) }),
    children: keyIds.map(single),
  });
}

function assertIdentifiers(option: string, keyIds: readonly string[]): void {
  for (const keyId of keyIds) {
    if (isAwsKmsIdentifier(keyId)) continue;
    throw new TypeError(`${option}: expected an identifier of an AWS KMS key, not ${JSON.stringify(keyId)}`);
  }
}

function singleKeyKeyring(
  key: SymmetricKey,
  opens: (configured: string, wrappedBy: string) => boolean,
): Keyring {
  // The specification lets only a key ARN decrypt: the key of an alias may change.
  const mayOpen = parseAwsKmsKeyArn(key.keyId) !== undefined;
  return {
    onEncrypt: async (materials) =>
      materials.dataKey === undefined
        ? generateDataKey(key, materials)
        : wrapDataKey(key, materials, materials.dataKey),
    onDecrypt: async (materials, encryptedDataKeys) => {
      assertNoDataKey(materials);
      if (!mayOpen)
        throw new KeyringError('DATA_KEY_NOT_OPENED', 'a key that is not named by its ARN only encrypts');
      const own = encryptedDataKeys.filter(({ providerId, providerInfo }) => {
        if (providerId !== AWS_KMS_PROVIDER_ID) return false;
        const wrappedBy = providerInfoText(providerInfo);
        return wrappedBy !== undefined && opens(key.keyId, wrappedBy);
      });
      return openFirst(materials, own, ({ ciphertext }) => openDataKey(key, materials, ciphertext));
    },
  };
}
