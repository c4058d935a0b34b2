import { createPrivateKey, X509Certificate } from 'node:crypto';

/** What KMS shows to a proxy that asks for a certificate. AWS KMS has the CN `cks.kms.<region>.amazonaws.com`. */
export interface XksClientCertificate {
  /** PEM: the certificate, and the authorities between it and the one that the proxy trusts. */
  readonly certificatePem: string;
  /** PEM, not encrypted. */
  readonly keyPem: string;
}

/** The same certificate, once it can be read and has its own key. Throws RangeError otherwise. */
export function checkedClientCertificate(certificate: XksClientCertificate): XksClientCertificate {
  if (hasItsKey(certificate)) return certificate;
  throw new RangeError('xksClientCertificate: expected a certificate and its private key, in PEM');
}

function hasItsKey({ certificatePem, keyPem }: XksClientCertificate): boolean {
  try {
    return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    // Without the cause: the message of a parser of keys might quote the key.
    return false;
  }
}
