import type { RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer } from 'node:net';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { expect, it } from 'vitest';
import { transportChecks } from '../../src/conformance/checks/transport.ts';
import { xksClient } from '../../src/conformance/client.ts';
import type { Target } from '../../src/conformance/target.ts';
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
  const target = await serving((_incoming, outgoing) => {
    const drip = setInterval(() => outgoing.write(' '), 10);
    outgoing.on('close', () => clearInterval(drip));
  });
  const client = xksClient({ ...target, timeoutMs: 100 });
  await expect(client.getHealthStatus()).rejects.toBeInstanceOf(Error);
});

it.each([
  ['takes an answer of a MiB', 1024 * 1024, 'fulfilled'],
  ['takes no answer of more than that', 1024 * 1024 + 1, 'rejected'],
])('%s', async (_title, length, outcome) => {
  const target = await serving((_incoming, outgoing) => outgoing.end(Buffer.alloc(length)));
  const client = xksClient(target);
  const [settled] = await Promise.allSettled([client.getHealthStatus()]);
  expect(settled.status).toBe(outcome);
  client.close();
});

async function serving(listener: RequestListener): Promise<Target> {
  const authority = await createCertificateAuthority();
  const names = { commonName: 'localhost', dnsNames: ['localhost'] };
  const { certificatePem: cert, keyPem: key } = await authority.issue(names);
  return targetAt(createHttpsServer({ cert, key }, listener), authority.certificatePem);
}
