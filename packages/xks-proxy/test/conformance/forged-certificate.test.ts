import { createPrivateKey, X509Certificate } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { forgedCertificate } from '../../src/conformance/forged-certificate.ts';
import { clientAuthority } from '../fixtures/client-certificates.ts';

const authority = await clientAuthority();

it('says what the original says, under a signature of its own', async () => {
  const names = fc.array(fc.stringMatching(/^[A-Za-z0-9.-]{1,60}$/), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(names, async (commonNames) => {
      const { cert, key } = await authority.issue(commonNames);
      const forged = await forgedCertificate({ certificatePem: cert, keyPem: key });
      const [original, copy] = [new X509Certificate(cert), new X509Certificate(forged.certificatePem)];
      for (const member of [
        'subject',
        'issuer',
        'serialNumber',
        'validFrom',
        'validTo',
        'keyUsage',
      ] as const) {
        expect(copy[member]).toEqual(original[member]);
      }
      expect(copy.checkPrivateKey(createPrivateKey(forged.keyPem))).toBe(true);
      expect(copy.verify(copy.publicKey)).toBe(true);
      expect(copy.verify(new X509Certificate(authority.certificatePem).publicKey)).toBe(false);
    }),
    { numRuns: 20 },
  );
});
