import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { datesProblem } from '../config/certificate-dates.ts';
import type { Report } from './findings.ts';

/**
 * Examines whether AWS KMS would accept a certificate.
 *
 * @param pem the chain, the server's own certificate first
 * @param host the name that KMS calls, if that is known
 */
export function examineCertificate(
  pem: string,
  host: string | undefined,
  report: Report,
  now = new Date(),
): void {
  const chain = [...pem.matchAll(CERTIFICATE)].map(([text]) => new X509Certificate(text));
  const [leaf] = chain;
  if (leaf === undefined) return;
  let isFit = true;
  const tell: Report = (code, subject, text) => {
    isFit = false;
    report(code, subject, text);
  };
  for (const [index, certificate] of chain.entries()) {
    const subject = index === 0 ? SUBJECT : `${SUBJECT} ${index + 1} of the chain`;
    examineDates(certificate, subject, tell, now);
  }
  if (host !== undefined && leaf.checkHost(host) === undefined)
    tell('certificate-name', SUBJECT, `it is not for ${host} but ${leaf.subjectAltName ?? 'nobody'}`);
  if (leaf.keyUsage !== undefined && !leaf.keyUsage.includes(SERVER_AUTHENTICATION))
    tell('certificate-purpose', SUBJECT, 'it is not for servers');
  if (leaf.publicKey.asymmetricKeyType === 'rsa') tell('certificate-slow', SUBJECT, 'its key is RSA');
  examineChain(chain, tell);
  const days = Math.min(...chain.map((certificate) => daysLeft(certificate, now)));
  if (isFit) report('certificate-fit', SUBJECT, `${days} days are left`);
}

function examineDates(certificate: X509Certificate, subject: string, tell: Report, now: Date): void {
  const problem = datesProblem(certificate, now);
  if (problem !== undefined) return tell('certificate-outdated', subject, `it ${problem}`);
  const days = daysLeft(certificate, now);
  if (days < SOON_DAYS) tell('certificate-expires-soon', subject, `${days} days are left`);
  else if (days < EARLY_DAYS) tell('certificate-expires', subject, `${days} days are left`);
}

/**
 * Each certificate must be issued by the next, and one of them by a public authority: a further certificate of an older
 * authority after it does no harm.
 */
function examineChain(chain: readonly X509Certificate[], tell: Report): void {
  const broken = chain.findIndex((certificate, index) => {
    const issuer = chain[index + 1];
    return issuer !== undefined && !isIssuedBy(certificate, issuer);
  });
  if (broken >= 0) {
    return tell(
      'certificate-incomplete',
      SUBJECT,
      `number ${broken + 1} of the chain is not issued by the next one`,
    );
  }
  const known = roots();
  const isKnown = (certificate: X509Certificate) =>
    known.some((root) => isIssuedBy(certificate, root) || root.fingerprint256 === certificate.fingerprint256);
  const last = chain.at(-1);
  if (last === undefined || chain.some(isKnown)) return;
  // A chain that ends with its own authority is complete, although not public.
  if (isIssuedBy(last, last))
    return tell('certificate-untrusted', SUBJECT, `${nameOf(last)} is no public authority`);
  tell(
    'certificate-incomplete',
    SUBJECT,
    `the issuer of the last one is missing: ${last.issuer.replaceAll('\n', ', ')}`,
  );
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

const daysLeft = ({ validTo }: X509Certificate, now: Date) =>
  Math.floor((Date.parse(validTo) - now.getTime()) / DAY_MS);
const nameOf = ({ subject }: X509Certificate) => subject.replaceAll('\n', ', ');
const roots = () => rootCertificates.map((text) => new X509Certificate(text));

const SUBJECT = 'certificate';
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1';
const DAY_MS = 86_400_000;
const SOON_DAYS = 7;
const EARLY_DAYS = 21;
