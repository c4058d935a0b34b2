import type { KMSClient } from '@aws-sdk/client-kms';
import { assertArray } from '../array.ts';
import { parseAwsKmsArn } from './arn.ts';

/** Returns a client for a region, such as `eu-north-1`. Called once for each region, when the keyring is made. */
export type KmsClientOfRegion = (region: string) => KMSClient;

/**
 * Chooses the client to use for a key.
 *
 * @returns a function of the key's identifier, which must be an ARN if clients are chosen by region
 * @throws TypeError (the returned function) for an identifier without region, or anything but a client
 */
export function clientForKey(client: KMSClient | KmsClientOfRegion): (keyId: string) => KMSClient {
  if (typeof client !== 'function') return () => checkClient(client);
  const clientOf = onePerRegion(client);
  return (keyId) => {
    const arn = parseAwsKmsArn(keyId);
    if (arn === undefined) throw new TypeError(`client: expected a KMSClient, for ${keyId} names no region`);
    return clientOf(arn.region);
  };
}

/**
 * @param option that has the client, for the error
 * @throws TypeError for anything but a client
 */
export function checkClient(client: KMSClient, option = 'client'): KMSClient {
  // Otherwise the mistake would look like an outage of AWS KMS, much later.
  if (typeof client?.send !== 'function') throw new TypeError(`${option}: expected a KMSClient`);
  return client;
}

/**
 * Returns the grant tokens for every request, in an array of their own.
 *
 * @throws RangeError for more than AWS KMS takes
 * @throws TypeError for anything but texts
 */
export function checkGrantTokens(grantTokens: readonly string[] = []): string[] {
  assertArray('grantTokens', grantTokens);
  if (grantTokens.length > MAX_GRANT_TOKENS) {
    throw new RangeError(`grantTokens: expected ${MAX_GRANT_TOKENS} at most`);
  }
  if (grantTokens.some((token) => typeof token !== 'string' || token === '')) {
    throw new TypeError('grantTokens: expected texts');
  }
  return [...grantTokens];
}

function onePerRegion(clientOfRegion: KmsClientOfRegion): KmsClientOfRegion {
  const clients = new Map<string, KMSClient>();
  return (region) => {
    const client = clients.get(region) ?? checkClient(clientOfRegion(region));
    clients.set(region, client);
    return client;
  };
}

const MAX_GRANT_TOKENS = 10;
