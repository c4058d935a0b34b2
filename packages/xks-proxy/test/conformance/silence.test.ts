import { createServer as createHttpsServer } from 'node:https';
import { createServer } from 'node:net';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { expect, it } from 'vitest';
import { transportChecks } from '../../src/conformance/checks/transport.ts';
import { xksClient } from '../../src/conformance/client.ts';
import { targetAt } from '../fixtures/conformance-target.ts';

it('waits for a handshake no longer than its time', async () => {
  const { certificatePem } = await createCertificateAuthority();
  const mute = createServer((socket) => socket.on('error', () => socket.destroy()).resume());
  const client = xksClient({ ...(await targetAt(mute, certificatePem)), timeoutMs: 100 });
  for (const { name, run } of transportChecks) {
    // A proxy that answers nothing has refused what it must not accept.
    if (/^(?:refuses|negotiates no) /.test(name)) await expect(run(client)).resolves.toBeUndefined();
    else await expect(run(client)).rejects.toBeInstanceOf(Error);
  }
});

it('waits for the end of an answer no longer than its time, whatever comes before it', async () => {
  const authority = await createCertificateAuthority();
  const names = { commonName: 'localhost', dnsNames: ['localhost'] };
  const { certificatePem: cert, keyPem: key } = await authority.issue(names);
  const dripping = createHttpsServer({ cert, key }, (_incoming, outgoing) => {
    const drip = setInterval(() => outgoing.write(' '), 10);
    outgoing.on('close', () => clearInterval(drip));
  });
  const client = xksClient({ ...(await targetAt(dripping, authority.certificatePem)), timeoutMs: 100 });
  await expect(client.getHealthStatus()).rejects.toBeInstanceOf(Error);
});
