import { generateKeyPair, sign, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import type { ClientCertificate } from './target.ts';

/**
 * Forges a copy of a certificate: all its fields are the same (RFC 5280, 4.1), except that it has a new key, which has also
 * signed it in place of the authority.
 */
export async function forgedCertificate({ certificatePem }: ClientCertificate): Promise<ClientCertificate> {
  const { publicKey, privateKey } = await newKeyPair('ec', { namedCurve: 'P-256' });
  const [original = Buffer.alloc(0)] = inside(new X509Certificate(certificatePem).raw);
  const members = inside(original);
  // Certificates of version 1 have no version field.
  const serialAt = members[0]?.[0] === VERSION ? 1 : 0;
  const changes = new Map([
    [serialAt + 1, ECDSA_WITH_SHA256],
    [serialAt + 5, publicKey.export({ type: 'spki', format: 'der' })],
  ]);
  const forged = element(
    SEQUENCE,
    members.map((member, index) => changes.get(index) ?? member),
  );
  const signature = element(BIT_STRING, [Buffer.of(0), sign('sha256', forged, privateKey)]);
  const der = element(SEQUENCE, [forged, ECDSA_WITH_SHA256, signature]);
  return {
    certificatePem: `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** The elements inside an element of DER. */
function inside(der: Buffer): readonly Buffer[] {
  const elements: Buffer[] = [];
  for (let at = extent(der).contentAt; at < der.length; ) {
    const { end } = extent(der.subarray(at));
    elements.push(der.subarray(at, at + end));
    at += end;
  }
  return elements;
}

/** The offsets at which the content of the first element begins and ends. */
function extent(der: Buffer): { readonly contentAt: number; readonly end: number } {
  const length = der[1] ?? 0;
  const lengthBytes = length < LONG_FORM ? 0 : length - LONG_FORM;
  const contentAt = 2 + lengthBytes;
  return { contentAt, end: contentAt + (lengthBytes === 0 ? length : der.readUIntBE(2, lengthBytes)) };
}

function element(tag: number, parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  // DER allows only the shortest encoding of a length.
  const lengthBytes = length < LONG_FORM ? [] : length < 256 ? [LONG_FORM + 1] : [LONG_FORM + 2, length >> 8];
  return Buffer.concat([Buffer.of(tag, ...lengthBytes, length & 255), content]);
}

const newKeyPair = promisify(generateKeyPair);
const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
const VERSION = 0xa0;
const LONG_FORM = 0x80;
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex');
