import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { der } from './der.ts';

/** A certificate with the private key that belongs to it, both as PEM. */
export interface Certificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Whom a server certificate is for: at least one name or address that clients will connect to. */
interface CertificateRequest {
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
  /** IPv4 addresses. */
  readonly ipAddresses?: readonly string[];
}

export interface CertificateAuthority {
  /** What clients have to trust. */
  readonly certificatePem: string;
  /** Issues a certificate for a TLS server, with a fresh key. */
  issue(request: CertificateRequest): Certificate;
}

/**
 * A certificate authority of its own for one run: its ECDSA P-256 key exists in this process only, and what it
 * issues is valid for thirty days. For demonstrations and tests; a proxy that serves AWS KMS needs a certificate of
 * a public authority. Certificates follow the profile of RFC 5280 §4.
 */
export function createCertificateAuthority(options: { commonName?: string } = {}): CertificateAuthority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = {
    name: distinguishedName(options.commonName ?? 'Holdfast demonstration CA'),
    publicKey,
    privateKey,
  };
  const authority = certificate(issuer, issuer.name, publicKey, [
    extension(OID.basicConstraints, true, der.sequence(der.boolean(true))),
    extension(OID.keyUsage, true, der.bitString(Uint8Array.of(0b0000_0110), 1)), // keyCertSign, cRLSign
  ]);
  return {
    certificatePem: authority,
    issue({ commonName, dnsNames = [], ipAddresses = [] }) {
      const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const names = [
        ...dnsNames.map((name) => der.primitive(2, Buffer.from(name, 'latin1'))),
        ...ipAddresses.map((address) => der.primitive(7, ipv4Bytes(address))),
      ];
      if (names.length === 0) throw new TypeError('a server certificate needs a DNS name or an address');
      return {
        certificatePem: certificate(issuer, distinguishedName(commonName), server.publicKey, [
          extension(OID.basicConstraints, true, der.sequence()),
          extension(OID.keyUsage, true, der.bitString(Uint8Array.of(0b1000_0000), 7)), // digitalSignature
          extension(OID.extendedKeyUsage, false, der.sequence(der.oid(OID.serverAuthentication))),
          extension(OID.subjectAlternativeName, false, der.sequence(...names)),
        ]),
        keyPem: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

interface Issuer {
  readonly name: Uint8Array;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function certificate(
  issuer: Issuer,
  subject: Uint8Array,
  publicKey: KeyObject,
  extensions: Uint8Array[],
): string {
  const algorithm = der.sequence(der.oid(OID.ecdsaWithSha256));
  const content = der.sequence(
    der.constructed(0, der.unsigned(Uint8Array.of(2))), // version 3
    der.unsigned(randomBytes(16)),
    algorithm,
    issuer.name,
    der.sequence(
      der.time(new Date(Date.now() - CLOCK_SKEW_MS)),
      der.time(new Date(Date.now() + LIFETIME_MS)),
    ),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der.constructed(
      3,
      der.sequence(
        ...extensions,
        extension(OID.subjectKeyIdentifier, false, der.octetString(keyIdentifier(publicKey))),
        extension(
          OID.authorityKeyIdentifier,
          false,
          der.sequence(der.primitive(0, keyIdentifier(issuer.publicKey))),
        ),
      ),
    ),
  );
  const bytes = der.sequence(content, algorithm, der.bitString(sign('sha256', content, issuer.privateKey)));
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function extension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  return der.sequence(der.oid(oid), ...(critical ? [der.boolean(true)] : []), der.octetString(value));
}

function distinguishedName(commonName: string): Uint8Array {
  return der.sequence(der.set(der.sequence(der.oid(OID.commonName), der.utf8String(commonName))));
}

// RFC 5280 §4.2.1.2 leaves the method open, as long as equal keys give equal identifiers.
function keyIdentifier(publicKey: KeyObject): Uint8Array {
  const digest = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
  return digest.subarray(0, 20);
}

function ipv4Bytes(address: string): Uint8Array {
  if (!isIPv4(address)) throw new TypeError('ipAddresses holds something that is not an IPv4 address');
  return Uint8Array.from(address.split('.'), Number);
}

const OID = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuthentication: '1.3.6.1.5.5.7.3.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

const CLOCK_SKEW_MS = 5 * 60_000;
const LIFETIME_MS = 30 * 24 * 60 * 60_000;
