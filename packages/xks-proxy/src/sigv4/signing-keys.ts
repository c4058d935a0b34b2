import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** Derives the signing keys of one credential. */
export interface SigningKeys {
  /** The key for a `yyyymmdd` date and a region of service `kms-xks-proxy`. */
  signingKey(date: string, region: string): KeyObject;
}

/**
 * Signing keys from a secret access key, each derived once and kept: derivation is most of the cost of
 * a verification. Ask only for scopes that passed the clock and region checks: otherwise anyone could fill the cache.
 */
export function signingKeys(secretAccessKey: KeyObject): SigningKeys {
  const cache = new Map<string, KeyObject>();
  return {
    signingKey(date, region) {
      const scope = `${date}/${region}`;
      const known = cache.get(scope);
      if (known !== undefined) return known;
      if (cache.size >= MAX_CACHED_KEYS) cache.clear();
      const derived = derive(secretAccessKey, [date, region, SERVICE, TERMINATOR]);
      cache.set(scope, derived);
      return derived;
    },
  };
}

/** The service name KMS signs for (XKS API v1, Appendix A). */
export const SERVICE = 'kms-xks-proxy';
/** The last part of every SigV4 credential scope. */
export const TERMINATOR = 'aws4_request';

function derive(secretAccessKey: KeyObject, scope: readonly string[]): KeyObject {
  const secret = secretAccessKey.export();
  const first = Buffer.concat([Buffer.from('AWS4'), secret]);
  let key = createSecretKey(first);
  secret.fill(0);
  first.fill(0);
  for (const part of scope) {
    const digest = createHmac('sha256', key).update(part).digest();
    key = createSecretKey(digest);
    digest.fill(0);
  }
  return key;
}

const MAX_CACHED_KEYS = 64;
