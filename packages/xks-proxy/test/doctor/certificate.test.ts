import { describe, expect, it } from 'vitest';
import { examineCertificate } from '../../src/doctor/certificate.ts';
import type { FindingCode } from '../../src/doctor/findings.ts';
import { clientAuthority } from '../fixtures/client-certificates.ts';

// It is valid from yesterday on for thirty days.
const authority = await clientAuthority();

/** Code and subject of what is found after some days, in a chain whose first certificate has its own days. */
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
