import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, encryptBody } from '../fixtures/bodies.ts';
import { clientAuthority } from '../fixtures/client-certificates.ts';
import { requestBytes, startTestProxy, type TestProxy } from '../fixtures/proxy.ts';

const KMS = 'cks.kms.eu-north-1.amazonaws.com';
const authority = await clientAuthority();
const withClients = (toml: string, file: string, name = KMS) =>
  toml.replace(
    'key_file = "server.key"\n',
    (line) => `${line}client_ca_file = ${JSON.stringify(file)}\nclient_common_names = ["${name}"]\n`,
  );

const folder = mkdtempSync(join(tmpdir(), 'holdfast-xks-'));
const file = join(folder, 'client-ca.pem');
let proxy: TestProxy;
beforeAll(async () => {
  writeFileSync(file, authority.certificatePem);
  proxy = await startTestProxy((toml) => withClients(toml, file));
});
afterAll(async () => {
  await proxy.close();
  rmSync(folder, { recursive: true });
});

/** All that comes back to a client that sends a request as soon as it may. */
function answer(options: ConnectionOptions): Promise<string> {
  const host = `localhost:${proxy.port}`;
  const body = JSON.stringify(encryptBody());
  const request = requestBytes(`${BASE}/keys/orders/encrypt`, body, {}, host, proxy.credentials.acme);
  return new Promise((resolve) => {
    const socket = connect(
      { host: '127.0.0.1', port: proxy.port, ca: proxy.ca, servername: 'localhost', ...options },
      () => void socket.write(request),
    );
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (received.includes('"ciphertext"')) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
  });
}
const refusals = () => proxy.logLines().filter(({ event }) => event === 'connection-refused');
const requests = () => proxy.logLines().filter(({ event }) => event === 'request');

describe.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a proxy that asks for client certificates, by %s',
  (version) => {
    const by = { minVersion: version, maxVersion: version } as const;

    it('answers a client with the right common name', async () => {
      await expect(answer({ ...by, ...(await authority.issue([KMS])) })).resolves.toContain('HTTP/1.1 200');
    });

    it.each<[string, () => Promise<ConnectionOptions>, string]>([
      ['none', async () => ({}), 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'],
      [
        'another common name',
        () => authority.issue(['cks.kms.us-east-1.amazonaws.com']),
        'CLIENT_NAME_REFUSED',
      ],
      ['the name and more around it', () => authority.issue([`${KMS}.example.com`]), 'CLIENT_NAME_REFUSED'],
      ['two common names', () => authority.issue([KMS, 'mallory']), 'CLIENT_NAME_REFUSED'],
      [
        'two common names, the right one last',
        () => authority.issue(['mallory', KMS]),
        'CLIENT_NAME_REFUSED',
      ],
      ['another authority', async () => (await clientAuthority()).issue([KMS]), 'CERT_SIGNATURE_FAILURE'],
      ['a date that is over', () => authority.issue([KMS], [-3, -2]), 'CERT_HAS_EXPIRED'],
      ['a certificate for servers', () => authority.issue([KMS], [-1, 1], 'serverAuth'), 'INVALID_PURPOSE'],
      ['a date to come', () => authority.issue([KMS], [2, 3]), 'CERT_NOT_YET_VALID'],
    ])('gives no answer to one with %s, and logs why', async (_title, certificate, reason) => {
      const [refused, answered] = [refusals().length, requests().length];
      await expect(answer({ ...by, ...(await certificate()) })).resolves.toBe('');
      await expect.poll(() => refusals().length).toBe(refused + 1);
      expect(refusals().at(-1)).toMatchObject({ stage: 'tls', cause: reason });
      expect(requests()).toHaveLength(answered);
    });
  },
);

describe('a change of the clients', () => {
  it('holds for new connections, also for those that resume an old session', async () => {
    const certificate = await authority.issue([KMS]);
    let session: Buffer | undefined;
    const socket = connect({
      host: '127.0.0.1',
      port: proxy.port,
      ca: proxy.ca,
      servername: 'localhost',
      ...certificate,
    });
    socket.on('session', (ticket: Buffer) => {
      session = ticket;
    });
    await expect.poll(() => session).toBeDefined();
    socket.destroy();
    await expect(answer({ ...certificate, ...(session && { session }) })).resolves.toContain('HTTP/1.1 200');

    await proxy.reload((toml) => withClients(toml, file, 'another.name'));
    await expect(answer(certificate)).resolves.toBe('');
    await expect(answer({ ...certificate, ...(session && { session }) })).resolves.toBe('');
    writeFileSync(file, (await clientAuthority()).certificatePem);
    await proxy.reload((toml) => withClients(toml, file));
    await expect(answer(certificate)).resolves.toBe('');
    await expect(answer({ ...certificate, ...(session && { session }) })).resolves.toBe('');
    writeFileSync(file, authority.certificatePem);
    await proxy.reload((toml) => withClients(toml, file));
    await expect(answer(certificate)).resolves.toContain('HTTP/1.1 200');
  });

  it('cannot be to ask for none any more', async () => {
    await expect(proxy.reload((toml) => toml)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(answer(await authority.issue([KMS]))).resolves.toContain('HTTP/1.1 200');
    await expect(answer({})).resolves.toBe('');
  });
});
