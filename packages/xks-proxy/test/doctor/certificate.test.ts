import 'reflect-metadata'; // @peculiar/x509 does not load without it
import { rootCertificates } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { examineCertificate } from '../../src/doctor/certificate.ts';
import type { FindingCode } from '../../src/doctor/findings.ts';
import { clientAuthority } from '../fixtures/client-certificates.ts';

// It is valid from yesterday on for thirty days.
const authority = await clientAuthority();

/** Code and subject of the findings after some days, for a chain whose first certificate has its own validity. */
async function findings(days: readonly [from: number, to: number], afterDays: number) {
  const { cert } = await authority.issue(['xks'], days, 'serverAuth');
  const found: [code: FindingCode, subject: string][] = [];
  const now = new Date(Date.now() + afterDays * 86_400_000);
  examineCertificate(
    `${cert}\n${authority.certificatePem}\n`,
    undefined,
    (code, subject) => void found.push([code, subject]),
    now,
  );
  return found;
}

const PRIVATE = ['certificate-untrusted', 'certificate'];

describe('the dates of a chain', () => {
  it.each<[string, [number, number], number, FindingCode, string]>([
    ['a certificate that is not valid yet', [1, 90], 0, 'certificate-outdated', 'certificate'],
    ['a certificate that has expired', [-2, -1], 0, 'certificate-outdated', 'certificate'],
    ['an issuer that is not valid yet', [-9, 90], -2, 'certificate-outdated', 'certificate 2 of the chain'],
    ['an issuer that has expired', [-1, 90], 31, 'certificate-outdated', 'certificate 2 of the chain'],
    ['an issuer with days left', [-1, 90], 27, 'certificate-expires-soon', 'certificate 2 of the chain'],
    ['an issuer with weeks left', [-1, 90], 15, 'certificate-expires', 'certificate 2 of the chain'],
  ])('have a finding for %s', async (_title, days, afterDays, code, subject) => {
    await expect(findings(days, afterDays)).resolves.toEqual([[code, subject], PRIVATE]);
  });

  it('have none while each of its certificates is valid for longer', async () => {
    await expect(findings([-1, 90], 0)).resolves.toEqual([PRIVATE]);
  });
});

it('takes a chain that goes on from a known authority to an older one', async () => {
  const [known = expect.unreachable()] = rootCertificates.filter((pem) => {
    const { subject, notAfter } = new x509.X509Certificate(pem);
    return subject.includes('ISRG Root X2') && notAfter > new Date();
  });
  const { subject, publicKey } = new x509.X509Certificate(known);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const older = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const crossSigned = await x509.X509CertificateGenerator.create({
    subject,
    issuer: 'CN=Older',
    publicKey,
    signingKey: older.privateKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 90 * 86_400_000),
  });
  const codes = (chain: string) => {
    const found: FindingCode[] = [];
    examineCertificate(chain, undefined, (code) => void found.push(code));
    return found;
  };
  expect(codes(`${known}\n${crossSigned.toString('pem')}`)).toEqual(['certificate-fit']);
  expect(codes(crossSigned.toString('pem'))).toEqual(['certificate-incomplete']);
});
