import 'reflect-metadata'; // @peculiar/x509 does not load without it
import { KeyObject, type webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate with the private key that belongs to it, both as PEM. */
export interface Certificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Whom a server certificate is for: at least one name or address that clients will connect to. */
interface CertificateRequest {
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

/** Issues certificates, which are accepted by those who trust its own. */
export interface CertificateAuthority {
  /** What clients have to trust. */
  readonly certificatePem: string;
  /** Issues a certificate for a TLS server, with a fresh key. */
  issue(request: CertificateRequest): Promise<Certificate>;
}

/**
 * A certificate authority of its own for one run: its ECDSA P-256 key exists in this process only, and what it
 * issues is valid for thirty days. For demonstrations and tests; a proxy that serves AWS KMS needs a certificate of
 * a public authority. Certificates follow the profile of RFC 5280 §4.
 */
export async function createCertificateAuthority(
  options: { commonName?: string } = {},
): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [options.commonName ?? 'Holdfast demonstration CA'] }],
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificatePem: authority.toString('pem'),
    async issue({ commonName, dnsNames = [], ipAddresses = [] }) {
      const names = [
        ...dnsNames.map((value) => ({ type: 'dns', value }) as const),
        ...ipAddresses.map((value) => ({ type: 'ip', value }) as const),
      ];
      if (names.length === 0) throw new TypeError('a server certificate needs a DNS name or an address');
      const server = await generateKeys();
      const certificate = await x509.X509CertificateGenerator.create({
        subject: [{ CN: [commonName] }],
        issuer: authority.subject,
        publicKey: server.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...validity(),
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(names),
          await x509.SubjectKeyIdentifierExtension.create(server.publicKey),
          await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      const key = KeyObject.from(server.privateKey);
      return {
        certificatePem: certificate.toString('pem'),
        keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - CLOCK_SKEW_MS), notAfter: new Date(Date.now() + LIFETIME_MS) };
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const CLOCK_SKEW_MS = 5 * 60_000;
const LIFETIME_MS = 30 * 24 * 60 * 60_000;
