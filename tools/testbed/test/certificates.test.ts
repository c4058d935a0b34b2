import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { expect, onTestFinished, test } from 'vitest';

const authority = await createCertificateAuthority();
const certificate = await authority.issue({
  commonName: 'xks.holdfast.test',
  dnsNames: ['xks.holdfast.test'],
  ipAddresses: ['127.0.0.1'],
});

async function handshake(options: { servername: string; ca: string }): Promise<TLSSocket> {
  const server = createServer({ key: certificate.keyPem, cert: certificate.certificatePem });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const socket = connect({ host: address.address, port: address.port, ...options });
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  await once(socket, 'secureConnect');
  return socket;
}

test('a client that trusts the authority accepts its certificate', async () => {
  const socket = await handshake({ servername: 'xks.holdfast.test', ca: authority.certificatePem });
  expect(socket.authorized).toBe(true);
});

test('a client that looks for another name refuses it', async () => {
  const refusal = handshake({ servername: 'kms.holdfast.test', ca: authority.certificatePem });
  await expect(refusal).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

test('a client that trusts another authority of the same name refuses it', async () => {
  const { certificatePem: ca } = await createCertificateAuthority();
  const refusal = handshake({ servername: 'xks.holdfast.test', ca });
  await expect(refusal).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
});

test('certificates carry the names, the roles and the key that were asked for', () => {
  const root = new X509Certificate(authority.certificatePem);
  const leaf = new X509Certificate(certificate.certificatePem);
  expect({ root: root.ca, leaf: leaf.ca }).toEqual({ root: true, leaf: false });
  expect(leaf.checkIssued(root) && leaf.verify(root.publicKey)).toBe(true);
  expect(leaf.checkHost('xks.holdfast.test')).toBe('xks.holdfast.test');
  expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(Date.parse(leaf.validTo) - Date.now()).toBeLessThan(31 * 24 * 60 * 60_000);
});

test('every certificate has a key and a serial number of its own', async () => {
  const other = await authority.issue({ commonName: 'other', dnsNames: ['other.holdfast.test'] });
  expect(other.keyPem).not.toBe(certificate.keyPem);
  expect(new X509Certificate(other.certificatePem).serialNumber).not.toBe(
    new X509Certificate(certificate.certificatePem).serialNumber,
  );
});

test('a certificate for nobody is refused', async () => {
  await expect(authority.issue({ commonName: 'nobody' })).rejects.toBeInstanceOf(TypeError);
});
