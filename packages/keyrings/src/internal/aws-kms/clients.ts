import type { KMSClient } from '@aws-sdk/client-kms';
import { assertArray } from '../array.ts';
import { parseAwsKmsArn } from './arn.ts';

/** Answers a client for a region, such as `eu-north-1`. Asked once for each region, when the keyring is made. */
export type KmsClientOfRegion = (region: string) => KMSClient;

/**
 * Which client asks for a key.
 *
 * @returns a function of the key's identifier, which must be an ARN where clients go by region
 * @throws TypeError (the returned function) for an identifier without region, or something else than a client
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
 * @throws TypeError for something else than a client
 */
export function checkClient(client: KMSClient, option = 'client'): KMSClient {
  // Or the mistake would look like an outage of AWS KMS, much later.
  if (typeof client?.send !== 'function') throw new TypeError(`${option}: expected a KMSClient`);
  return client;
}

/**
 * The grant tokens for every request, in an array of their own.
 *
 * @throws RangeError for more than AWS KMS takes
 * @throws TypeError for something else than texts
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
