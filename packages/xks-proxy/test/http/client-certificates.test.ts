import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { BASE, encryptBody } from '../fixtures/bodies.ts';
import { clientAuthority } from '../fixtures/client-certificates.ts';
import { requestBytes, startTestProxy, type TestProxy } from '../fixtures/proxy.ts';

const KMS = 'cks.kms.eu-north-1.amazonaws.com';
const authority = await clientAuthority();
const withClients = (toml: string, file: string, ...names: readonly string[]) =>
  toml.replace('key_file = "server.key"\n', (line) =>
    [
      line,
      `client_ca_file = ${JSON.stringify(file)}\n`,
      `client_common_names = ${JSON.stringify(names.length === 0 ? [KMS] : names)}\n`,
    ].join(''),
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

/** A connection of a client, and all that comes back to it. */
function connection(options: ConnectionOptions) {
  const socket = connect({
    host: '127.0.0.1',
    port: proxy.port,
    ca: proxy.ca,
    servername: 'localhost',
    ...options,
  });
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(received)));
  onTestFinished(() => void socket.destroy());
  // Of any status: on a busy machine the token may be late.
  return { socket, closed, received: () => received, answers: () => received.split('HTTP/1.1 ').length - 1 };
}

function encryptRequest(): Uint8Array {
  const host = `localhost:${proxy.port}`;
  const body = JSON.stringify(encryptBody());
  return requestBytes(`${BASE}/keys/orders/encrypt`, body, {}, host, proxy.credentials.acme);
}

/** All that comes back to a client that sends a request as soon as it may. */
async function answer(options: ConnectionOptions): Promise<string> {
  const { socket, closed, received } = connection(options);
  socket.on('secureConnect', () => socket.write(encryptRequest()));
  socket.on('data', () => {
    if (received().includes('"ciphertext"')) socket.destroy();
  });
  return closed;
}

/** A connection that has had an answer, and waits. */
async function answered(options: ConnectionOptions) {
  const client = connection(options);
  client.socket.write(encryptRequest());
  await expect.poll(client.answers).toBe(1);
  return client;
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
    const { socket } = connection(certificate);
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

  it('ends open connections of a name that was taken out, and no others', async () => {
    await proxy.reload((toml) => withClients(toml, file, KMS, 'former'));
    const former = await answered(await authority.issue(['former']));
    const kms = await answered(await authority.issue([KMS]));
    await proxy.reload((toml) => withClients(toml, file));
    await former.closed;
    expect(former.answers()).toBe(1);
    kms.socket.write(encryptRequest());
    await expect.poll(kms.answers).toBe(2);
  });

  it('lets a request that is under way have its answer, as the last one of its connection', async () => {
    await proxy.reload((toml) => withClients(toml, file, KMS, 'former'));
    const former = connection(await authority.issue(['former']));
    const request = encryptRequest();
    former.socket.write(request.subarray(0, -1));
    await once(former.socket, 'secureConnect');
    // What was sent before the request of another connection has come when that is answered.
    await answered(await authority.issue([KMS]));
    await proxy.reload((toml) => withClients(toml, file));
    former.socket.write(request.subarray(-1));
    expect(await former.closed).toMatch(/^HTTP\/1\.1 [^]*\r\nconnection: close\r\n/i);
  });

  it('ends all open connections when an authority comes after a damaged one, and none when one is added', async () => {
    const other = (await clientAuthority()).certificatePem;
    const kms = await answered(await authority.issue([KMS]));
    writeFileSync(file, `${other}\n${authority.certificatePem}`);
    await proxy.reload((toml) => withClients(toml, file));
    kms.socket.write(encryptRequest());
    await expect.poll(kms.answers).toBe(2);
    // Node reads no further than what is damaged.
    const damaged = authority.certificatePem.replace(/\n.{4}/, '\nAAAA');
    writeFileSync(file, `${other}\n${damaged}\n${authority.certificatePem}`);
    await proxy.reload((toml) => withClients(toml, file));
    await kms.closed;
    expect(kms.answers()).toBe(2);
    writeFileSync(file, authority.certificatePem);
    await proxy.reload((toml) => withClients(toml, file));
  });

  it('ends all open connections when an authority is taken out', async () => {
    const kms = await answered(await authority.issue([KMS]));
    writeFileSync(file, (await clientAuthority()).certificatePem);
    await proxy.reload((toml) => withClients(toml, file));
    await kms.closed;
    expect(kms.answers()).toBe(1);
    writeFileSync(file, authority.certificatePem);
    await proxy.reload((toml) => withClients(toml, file));
  });

  it.each<[string, (pem: string) => string]>([
    ['line ends', (pem) => pem.replaceAll('\n', '\r\n')],
    ['blanks', (pem) => pem.replaceAll('\n', ' \n')],
    ['lengths of lines', (pem) => pem.replaceAll(/^(?!-)(.{20})/gm, '$1\n')],
  ])(
    'ends no connection when an authority stays, and is written with other %s',
    async (_title, rewritten) => {
      const kms = await answered(await authority.issue([KMS]));
      expect(rewritten(authority.certificatePem)).not.toBe(authority.certificatePem);
      writeFileSync(file, rewritten(authority.certificatePem));
      await proxy.reload((toml) => withClients(toml, file));
      kms.socket.write(encryptRequest());
      await expect.poll(kms.answers).toBe(2);
      writeFileSync(file, authority.certificatePem);
      await proxy.reload((toml) => withClients(toml, file));
    },
  );

  it('waits for the next start if it is to ask for none any more', async () => {
    await proxy.reload((toml) => toml);
    await expect(answer(await authority.issue([KMS]))).resolves.toContain('HTTP/1.1 200');
    await expect(answer({})).resolves.toBe('');
  });
});
