import { X509Certificate } from 'node:crypto';

/**
 * The certificates in a PEM text, one string each. Throws RangeError if there is none or one cannot be read: TLS
 * would pass over them in silence and later trust no proxy.
 */
export function parseCertificateAuthorities(pem: string): readonly string[] {
  const certificates = pem.match(PEM_CERTIFICATE) ?? [];
  if (certificates.length === 0) throw new RangeError('xksCertificateAuthorities: expected PEM certificates');
  for (const certificate of certificates) {
    try {
      void new X509Certificate(certificate);
    } catch (cause) {
      throw new RangeError('xksCertificateAuthorities: expected certificates that can be read', { cause });
    }
  }
  return certificates;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
