/**
 * The Region that a request is signed for, from the credential scope of its Authorization header (Signature
 * Version 4); undefined where the header is absent or names none. The signature itself is not looked at.
 */
export function signedRegion(authorization: string | undefined): string | undefined {
  if (!authorization?.startsWith('AWS4-HMAC-SHA256 ')) return undefined;
  return CREDENTIAL.exec(authorization)?.[1];
}

const CREDENTIAL =
  /[ ,]Credential=[^/,\s]+\/\d{8}\/(?=[^/]{1,32}\/)((?:[a-z]+-){2,3}\d+)\/kms\/aws4_request(?:[,\s]|$)/;
