import type { KMSClient } from '@aws-sdk/client-kms';
import type { EncryptedDataKey, Keyring } from '@holdfast/sdk/spi';
import { multiKeyring } from '../../multi.ts';
import { assertArray } from '../array.ts';
import { dataKeyNotOpened } from '../data-key-not-opened.ts';
import { callKeyService } from '../key-service.ts';
import { isText } from '../text.ts';
import { openFirst } from '../wrapping.ts';
import { type AwsKmsKeyArn, parseAwsKmsKeyArn } from './arn.ts';
import { checkClient, checkGrantTokens, type KmsClientOfRegion } from './clients.ts';
import { type DiscoveryFilter, passing } from './discovery-filter.ts';
import { AWS_KMS_FAILURES } from './failures.ts';
import { providerInfoText } from './provider-info.ts';
import { AWS_KMS_PROVIDER_ID, openDataKey } from './symmetric-key.ts';

/** Options of the discovery keyrings. */
export type AwsKmsDiscoveryKeyringOptions = {
  /** Without one, any key that the client's principal may use. */
  readonly discoveryFilter?: DiscoveryFilter;
  /** Sent with every request; at most 10. */
  readonly grantTokens?: readonly string[];
} & (
  | {
      /** Used in its own region. */
      readonly client: KMSClient;
      readonly regions?: never;
    }
  | {
      /** Returns the client of each of the `regions`. */
      readonly client: KmsClientOfRegion;
      /** Tried one after the other, until one opens the data key. */
      readonly regions: readonly string[];
    }
);

/**
 * Returns a keyring that opens what can be opened in the client's region by the ARN in the message.
 *
 * @param keyIn returns the ARN to ask for in `region`, or `undefined` if that region has no such key
 * @throws TypeError for a wrong client, a filter that nothing passes, no region, or an empty or repeated region
 * @throws RangeError for too many grant tokens
 */
export function discoveryKeyring(
  { client, regions, discoveryFilter, grantTokens }: AwsKmsDiscoveryKeyringOptions,
  keyIn: (arn: AwsKmsKeyArn, region: string) => string | undefined,
): Keyring {
  const isAllowed = passing(discoveryFilter);
  const tokens = checkGrantTokens(grantTokens);
  const opening = clientsOf(client, regions).map((regional) => ({
    onEncrypt: cannotEncrypt,
    onDecrypt: onDecryptIn(regional),
  }));
  return { ...multiKeyring({ children: opening }), onEncrypt: cannotEncrypt };

  function onDecryptIn(regional: KMSClient): Keyring['onDecrypt'] {
    return async (materials, encryptedDataKeys) => {
      const allowed = encryptedDataKeys.flatMap((encryptedDataKey) => {
        const arn = keyArnOf(encryptedDataKey);
        return arn !== undefined && isAllowed(arn) ? [{ arn, ciphertext: encryptedDataKey.ciphertext }] : [];
      });
      // Otherwise a client that does not know its region would fail messages that were never for AWS KMS.
      if (allowed.length === 0) throw dataKeyNotOpened([]);
      const region = await callKeyService(AWS_KMS_FAILURES, () => regional.config.region());
      const candidates = allowed.flatMap(({ arn, ciphertext }) => {
        const keyId = keyIn(arn, region);
        return keyId === undefined ? [] : [{ keyId, ciphertext }];
      });
      return openFirst(materials, candidates, ({ keyId, ciphertext }) =>
        openDataKey({ client: regional, keyId, grantTokens: tokens }, materials, ciphertext),
      );
    };
  }
}

function keyArnOf({ providerId, providerInfo }: EncryptedDataKey): AwsKmsKeyArn | undefined {
  return providerId === AWS_KMS_PROVIDER_ID
    ? parseAwsKmsKeyArn(providerInfoText(providerInfo) ?? '')
    : undefined;
}

function clientsOf(
  client: KMSClient | KmsClientOfRegion,
  regions: readonly string[] | undefined,
): readonly KMSClient[] {
  if (typeof client !== 'function') {
    if (regions !== undefined) throw new TypeError('client: expected a function of the region, with regions');
    return [checkRegionalClient(client)];
  }
  assertArray('regions', regions);
  const distinct = new Set(regions);
  if (distinct.size === 0 || distinct.size !== regions?.length || ![...distinct].every(isText)) {
    throw new TypeError('regions: expected one region at least, and each once');
  }
  return [...distinct].map((region) => checkRegionalClient(client(region)));
}

/** A discovery keyring also needs the region of its clients. */
function checkRegionalClient(client: KMSClient): KMSClient {
  if (typeof checkClient(client).config?.region === 'function') return client;
  throw new TypeError('client: expected a KMSClient');
}

async function cannotEncrypt(): Promise<never> {
  throw new TypeError('keyring: expected one that wraps data keys; a discovery keyring only opens them');
}
