import { createServer } from 'node:https';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { expect, it } from 'vitest';
import { clientCertificateChecks } from '../../src/conformance/checks/client-certificates.ts';
import { xksClient } from '../../src/conformance/client.ts';
import { NotRun, type Target } from '../../src/conformance/target.ts';
import { clientAuthority } from '../fixtures/client-certificates.ts';
import { targetAt, targetOf } from '../fixtures/conformance-target.ts';

const FORGED = 'ends the handshake of a client whose certificate is of another authority';
const NONE = 'ends the handshake of a client without a certificate';

const authority = await clientAuthority();
const { cert: certificatePem, key: keyPem } = await authority.issue(['kms.example']);
const clientCertificate = { certificatePem, keyPem };

it.each([
  ['looks at the name alone', { requestCert: true, rejectUnauthorized: false }, [FORGED]],
  ['asks for nothing', {}, [FORGED, NONE]],
])('finds a proxy that %s', async (_title, options, expected) => {
  const server = await createCertificateAuthority();
  const names = { commonName: 'localhost', dnsNames: ['localhost'] };
  const { certificatePem: cert, keyPem: key } = await server.issue(names);
  const broken = createServer({ cert, key, ca: authority.certificatePem, ...options }, (_in, outgoing) => {
    outgoing.writeHead(200).end();
  });
  broken.on('secureConnection', (socket) => {
    const isNamed = socket.getPeerCertificate().subject?.CN === 'kms.example';
    if ('requestCert' in options && !isNamed) socket.destroy();
  });
  const target = await targetAt(broken, server.certificatePem);
  expect(await failing({ ...target, clientCertificate })).toEqual(expected);
});

it.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'finds nothing wrong with a proxy that speaks %s',
  async (maxVersion) => {
    const server = await createCertificateAuthority();
    const names = { commonName: 'localhost', dnsNames: ['localhost'] };
    const { certificatePem: cert, keyPem: key } = await server.issue(names);
    const options = { cert, key, ca: authority.certificatePem, requestCert: true, maxVersion };
    const target = await targetAt(
      createServer(options, (_in, outgoing) => outgoing.writeHead(200).end()),
      server.certificatePem,
    );
    expect(await failing({ ...target, clientCertificate })).toEqual([]);
  },
);

it('says nothing about a proxy of which it has no certificate', async () => {
  const target = targetOf({ host: 'localhost', port: 1, ca: '', credentials: { acme: NOBODY } });
  for (const { run } of clientCertificateChecks) {
    await expect(run(xksClient(target))).rejects.toBeInstanceOf(NotRun);
  }
});

it('takes no endpoint that is not there for one that refuses', async () => {
  const target = targetOf({ host: 'localhost', port: 1, ca: '', credentials: { acme: NOBODY } });
  expect(await failing({ ...target, clientCertificate })).toEqual([FORGED, NONE]);
});

async function failing(target: Target): Promise<readonly string[]> {
  const names: string[] = [];
  const client = xksClient(target);
  for (const { name, run } of clientCertificateChecks) await run(client).catch(() => void names.push(name));
  return names;
}

const NOBODY = { accessKeyId: 'NOBODYNOBODYNOBODYNO', secretAccessKey: 'nobody' };
