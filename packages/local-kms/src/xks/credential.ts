import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** What authenticates KMS to a proxy. */
export interface XksCredential {
  readonly accessKeyId: string;
  /** The SigV4 signing key of a day (`YYYYMMDD`) in a Region; the last one is kept. */
  signingKey(day: string, region: string): KeyObject;
  /** The secret access key in UTF-8, to be stored under a seal. The caller wipes it. */
  exportSecret(): Buffer;
}

/** A credential whose secret is a key object from here on: it prints and serialises as nothing. */
export function xksCredential(accessKeyId: string, rawSecretAccessKey: string): XksCredential {
  const secret = createSecretKey(`${SECRET_PREFIX}${rawSecretAccessKey}`, 'utf8');
  let cached: { readonly scope: string; readonly key: KeyObject } | undefined;
  return {
    accessKeyId,
    signingKey(day, region) {
      const scope = `${day}/${region}`;
      if (cached?.scope !== scope)
        cached = { scope, key: derive(secret, [day, region, SERVICE, TERMINATOR]) };
      return cached.key;
    },
    exportSecret() {
      const prefixed = secret.export();
      const bytes = Buffer.from(prefixed.subarray(SECRET_PREFIX.length));
      prefixed.fill(0);
      return bytes;
    },
  };
}

/** The service name in the credential scope of every XKS request (XKS API, Appendix A). */
export const SERVICE = 'kms-xks-proxy';

/** The last part of every SigV4 credential scope. */
export const TERMINATOR = 'aws4_request';

function derive(secret: KeyObject, parts: readonly string[]): KeyObject {
  return parts.reduce(
    (key, part) => createSecretKey(createHmac('sha256', key).update(part, 'utf8').digest()),
    secret,
  );
}

const SECRET_PREFIX = 'AWS4';
