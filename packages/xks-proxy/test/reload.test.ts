import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { openModule } from '@holdfast/pkcs11';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { BASE, decryptBody, encryptBody } from './fixtures/bodies.ts';
import { add } from './fixtures/changes.ts';
import { clientAuthority } from './fixtures/client-certificates.ts';
import { requestBytes, startTestProxy, type TestProxy } from './fixtures/proxy.ts';
import { lastingConnection } from './fixtures/raw-http.ts';

let proxy: TestProxy;
beforeEach(async () => {
  proxy = await startTestProxy();
});
afterEach(() => proxy.close());

const encrypt = () => proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody());
const events = (name: string) => proxy.logLines().filter(({ event }) => event === name);
const withoutLabel = (versions: string) => (toml: string) =>
  toml.replace('external_key_id = "orders"\nlabel = "orders"', `external_key_id = "orders"\n${versions}`);

describe('another configuration', () => {
  it('takes the place of the old one as a whole: credentials, keys and stores', async () => {
    await expect(encrypt()).resolves.toMatchObject({ status: 200 });
    await proxy.reload((toml) => toml.replaceAll('ACMEACMEACMEACMEACME', 'NEWERNEWERNEWERNEWER'));
    await expect(encrypt()).resolves.toMatchObject({ status: 401 });
    await proxy.reload((toml) => toml.replaceAll('"orders"', '"parcels"').replace('"parcels"', '"orders"'));
    await expect(encrypt()).resolves.toMatchObject({ status: 404 });
    await proxy.reload((toml) => toml.replace('"/acme"', '"/elsewhere"'));
    await expect(encrypt()).resolves.toMatchObject({
      status: 404,
      json: { errorName: 'InvalidUriPathException' },
    });
    await proxy.reload((toml) => toml);
    await expect(encrypt()).resolves.toMatchObject({ status: 200 });
    expect(events('reloaded')).toHaveLength(4);
  });

  it('is refused with its problems when it is not right, and the old one stays', async () => {
    const wrong = proxy.reload((toml) => toml.replace('port = 0', 'port = -1'));
    await expect(wrong).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const lost = proxy.reload((toml) => toml.replace('label = "xks-test"', 'label = "no such token"'));
    await expect(lost).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
    await expect(encrypt()).resolves.toMatchObject({ status: 200 });
    const [first, second, ...others] = events('reload-refused').map(({ problems }) => problems);
    expect(first).toEqual([expect.stringMatching(/^server\.port: /)]);
    expect(second).toEqual([expect.stringMatching(/no such token/)]);
    expect(others).toEqual([]);
  });

  it('is followed although a token that it adds is out, and refused if it gives up one that works for it', async () => {
    const blocked = (toml: string) =>
      toml.replace('external_key_id = "orders"', 'external_key_id = "orders"\nstatus = "BLOCKED"');
    const tokenOf = (toml: string) => /\[\[tokens\]\]\n(?:.+\n)*?pin_file = "pin"\n/.exec(toml)?.[0] ?? '';
    const lost = (toml: string, label = 'no such token') =>
      tokenOf(toml).replace('label = "xks-test"', `label = "${label}"`);
    await proxy.reload((toml) => blocked(toml).replace('[[stores]]', `${lost(toml)}[[stores]]`));
    await expect(encrypt()).resolves.toMatchObject({
      status: 400,
      json: { errorName: 'InvalidStateException' },
    });
    expect(events('health').map(({ token, healthStatus }) => [token, healthStatus])).toContainEqual([
      'no such token',
      'UNAVAILABLE',
    ]);
    // A line for each key of a token that is out would hide the line for the token.
    expect(new Set(events('key-unavailable').map(({ cause }) => cause))).toEqual(new Set(['KEY_NOT_FOUND']));
    const health = await proxy.call(`${BASE}/health`, {
      requestMetadata: { kmsRequestId: 'r', kmsOperation: 'KmsHealthCheck' },
    });
    expect(health.json).toMatchObject({
      ekmFleetDetails: [{ healthStatus: 'ACTIVE' }, { healthStatus: 'UNAVAILABLE' }],
    });
    const replaced = proxy.reload((toml) => toml.replace(tokenOf(toml), lost(toml, 'nor this') + lost(toml)));
    await expect(replaced).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
  });

  it('is tried again after it was refused, and the log tells of each reason once', async () => {
    const problems = ['first = 1', 'first = 1', 'second = 1'];
    const refused = proxy.reload((toml) => {
      const problem = problems.shift();
      if (problem !== undefined) return toml.replace('port = 0', problem);
      return toml.replaceAll('ACMEACMEACMEACMEACME', 'NEWERNEWERNEWERNEWER');
    });
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    // The pauses grow with the time that a configuration takes to load.
    await expect.poll(() => events('reloaded').length, { timeout: 60_000 }).toBe(1);
    await expect(encrypt()).resolves.toMatchObject({ status: 401 });
    expect(events('reload-refused').map(({ problems }) => problems)).toEqual([
      [expect.stringMatching('first')],
      [expect.stringMatching('second')],
    ]);
  }, 90_000);

  it('is not tried again once another one has followed it, or its PIN was refused', async () => {
    let trials = 0;
    const counted = (change: (toml: string) => string) => (toml: string) => {
      trials += 1;
      return change(toml);
    };
    const wrong = proxy.reload(counted((toml) => toml.replace('port = 0', 'port = -1')));
    await expect(wrong).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await proxy.reload((toml) => toml);
    writeFileSync(join(proxy.directory, 'wrong-pin'), 'wrong pin\n');
    const withWrongPin = (toml: string) =>
      toml.replace('pin_file = "pin"', 'pin_file = "wrong-pin"\nname = "other"');
    await expect(proxy.reload(counted(withWrongPin))).rejects.toMatchObject({ code: 'PIN_REFUSED' });
    await sleep(1_000);
    expect(trials).toBe(2);
  });

  it('is not looked at any more once the proxy is being closed', async () => {
    const closed = proxy.close();
    await expect(proxy.reload((toml) => toml.replace('port = 0', 'port = -1'))).resolves.toBeUndefined();
    await closed;
    expect(events('reload-refused')).toEqual([]);
  });

  it('changes nothing for a request that is under way', async () => {
    const underWay = Array.from({ length: 20 }, encrypt);
    const rename = proxy.reload((toml) =>
      toml.replace('label = "xks-test"', 'label = "xks-test"\nname = "main"'),
    );
    await rename;
    const answers = await Promise.all([...underWay, ...Array.from({ length: 20 }, encrypt)]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  it('holds up nobody for as long as it looks for all its keys', async () => {
    const keys = Array.from(
      { length: 100 },
      (_, index) => `external_key_id = "k${index}"\nlabel = "k${index}"\n`,
    );
    let turns = 0;
    let isOver = false;
    const turn = () => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    turn();
    await proxy.reload((toml) => toml + keys.map((key) => `[[stores.keys]]\n${key}`).join(''));
    isOver = true;
    expect(turns).toBeGreaterThan(keys.length);
  });

  it('gives new connections another certificate', async () => {
    const authority = await createCertificateAuthority();
    const server = await authority.issue({ commonName: 'localhost', dnsNames: ['localhost'] });
    writeFileSync(join(proxy.directory, 'server.pem'), server.certificatePem);
    writeFileSync(join(proxy.directory, 'server.key'), server.keyPem);
    await expect(subject(authority.certificatePem)).rejects.toThrow('certificate');
    await proxy.reload((toml) => toml);
    await expect(subject(authority.certificatePem)).resolves.toBe('localhost');
    await expect(subject(proxy.ca)).rejects.toThrow('certificate');
  });

  it.each([
    ['has expired', [-2, -1]],
    ['is not valid yet', [60, 90]],
  ] as const)('is followed but for a certificate that %s', async (_title, days) => {
    await issueCertificate(days);
    await proxy.reload((toml) => toml.replaceAll('ACMEACMEACMEACMEACME', 'NEWERNEWERNEWERNEWER'));
    await expect(encrypt()).resolves.toMatchObject({ status: 401 });
    await expect(subject(proxy.ca)).resolves.toBe('localhost');
    expect(events('certificate-not-valid')).toEqual([expect.objectContaining({ isServed: false })]);
  });

  it('has its certificate once that is valid, and asks nobody', async () => {
    const ca = await issueCertificate([6 / 86_400, 1]);
    await proxy.reload((toml) => toml);
    await expect(subject(proxy.ca)).resolves.toBe('localhost');
    await expect.poll(() => events('reloaded'), { timeout: 15_000 }).toHaveLength(2);
    await expect(subject(ca)).resolves.toBe('localhost');
    await expect(subject(proxy.ca)).rejects.toThrow('certificate');
  });

  it.each([
    ['server.host', (toml: string) => toml.replace('port = 0', 'port = 0\nhost = "127.0.0.2"')],
    ['server.port', (toml: string) => toml.replace('port = 0', 'port = 1')],
    ['server.tls.client_ca_file', (toml: string) => toml.replace('[[tokens]]', `${CLIENTS}[[tokens]]`)],
    ['admin', (toml: string) => `${toml}[admin]\nport = 0\n`],
    ['audit', (toml: string) => `${toml}[audit]\ndirectory = "audit"\n`],
    ['iv_budget', (toml: string) => `${toml}[iv_budget]\nlimit = 1\n`],
  ])(
    'is followed but for %s, and the log says at each reload that it waits for a start',
    async (section, change) => {
      const waiting = () => events('reloaded').map(({ awaitingStart, level }) => [level, awaitingStart]);
      await proxy.reload((toml) => change(toml).replaceAll('ACMEACMEACMEACMEACME', 'NEWERNEWERNEWERNEWER'));
      await expect(encrypt()).resolves.toMatchObject({ status: 401 });
      await proxy.reload(change);
      for (let round = 0; round < 2; round += 1)
        await expect(encrypt()).resolves.toMatchObject({ status: 200 });
      await proxy.reload((toml) => toml);
      expect(waiting()).toEqual([
        ['warn', [section]],
        ['warn', [section]],
        ['info', undefined],
      ]);
    },
  );

  it('is followed when the certificate that is served has expired', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 40 * 24 * 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    await expect(encrypt()).resolves.toMatchObject({ status: 200 });
    await proxy.reload((toml) => toml.replaceAll('ACMEACMEACMEACMEACME', 'NEWERNEWERNEWERNEWER'));
    await expect(encrypt()).resolves.toMatchObject({ status: 401 });
  });
});

describe('a request whose body comes slowly', () => {
  it('is answered by the configuration that it came in under, and holds up none that follows', async () => {
    const slow = await slowRequest();
    const names = Array.from({ length: 5 }, (_, index) => `name-${index}`);
    for (const name of names) {
      await proxy.reload((toml) =>
        toml.replace('label = "xks-test"', `label = "xks-test"\nname = "${name}"`),
      );
    }
    await expect(encrypt()).resolves.toMatchObject({ status: 200 });
    await proxy.reload((toml) => toml.replaceAll('ACMEACMEACMEACMEACME', 'NEWERNEWERNEWERNEWER'));
    await expect(encrypt()).resolves.toMatchObject({ status: 401 });
    // Too late for AWS KMS; but its credential, which is no longer there, is still the right one.
    await expect(slow.finish()).resolves.toMatch(/^HTTP\/1\.1 503 [^]*"DependencyTimeoutException"/);
    expect(events('request').map(({ status, accessKeyId }) => [status, accessKeyId])).toEqual([
      [200, proxy.credentials.acme.accessKeyId],
      [401, undefined],
      [503, proxy.credentials.acme.accessKeyId],
    ]);
  });

  it('has five seconds when the proxy is told to stop, also if its client keeps the connection', async () => {
    await slowRequest();
    await proxy.reload((toml) => toml.replace('"/acme"', '"/elsewhere"'));
    const startedAt = performance.now();
    await proxy.close();
    expect(performance.now() - startedAt).toBeLessThan(7_000);
    expect(events('stopped')).toHaveLength(1);
  });
});

describe('a key that was rotated', () => {
  it('encrypts with its newest version and opens what the others encrypted', async () => {
    const before = await encrypt();
    const module = openModule({ path: proxy.token.modulePath });
    const session = module.openToken({ label: proxy.token.label, pin: proxy.token.pin });
    session.generateAesKey({ label: 'orders.2' });
    session.close();
    module.close();
    await proxy.reload(
      withoutLabel('versions = [{ version = 2, label = "orders.2" }, { version = 1, label = "orders" }]'),
    );
    const after = await encrypt();
    expect(before.json['ciphertextMetadata']).not.toBe(after.json['ciphertextMetadata']);
    const open = ({ json }: typeof after) => proxy.call(`${BASE}/keys/orders/decrypt`, decryptBody(json));
    await expect(open(before)).resolves.toMatchObject({
      status: 200,
      json: { plaintext: encryptBody().plaintext },
    });
    await expect(open(after)).resolves.toMatchObject({
      status: 200,
      json: { plaintext: encryptBody().plaintext },
    });
    const versions = events('request').map(({ operation, keyVersion }) => [operation, keyVersion]);
    expect(versions).toEqual([
      ['Encrypt', 1],
      ['Encrypt', 2],
      ['Decrypt', 1],
      ['Decrypt', 2],
    ]);
    // The version is authenticated: one ciphertext cannot be passed off as the other's.
    const forged = { ...after.json, ciphertextMetadata: before.json['ciphertextMetadata'] };
    await expect(proxy.call(`${BASE}/keys/orders/decrypt`, decryptBody(forged))).resolves.toMatchObject({
      status: 400,
      json: { errorName: 'InvalidCiphertextException' },
    });
    await proxy.reload(withoutLabel('versions = [{ version = 2, label = "orders.2" }]'));
    await expect(open(before)).resolves.toMatchObject({ status: 400 });
  });
});

describe('a blocked key', () => {
  it('refuses every request, until it is unblocked', async () => {
    const { json: sealed } = await encrypt();
    const bodies = { metadata: encryptBody(), encrypt: encryptBody(), decrypt: decryptBody(sealed) };
    const calls = () =>
      Promise.all(
        Object.entries(bodies).map(([operation, body]) =>
          proxy.call(`${BASE}/keys/orders/${operation}`, body),
        ),
      );
    await proxy.reload((toml) =>
      toml.replace('external_key_id = "orders"', 'external_key_id = "orders"\nstatus = "BLOCKED"'),
    );
    for (const answer of await calls())
      expect(answer).toMatchObject({ status: 400, json: { errorName: 'InvalidStateException' } });
    expect(events('request').at(-1)).toMatchObject({ reason: 'key-blocked' });
    await proxy.reload((toml) => toml);
    for (const answer of await calls()) expect(answer).toMatchObject({ status: 200 });
  });
});

const CLIENTS = 'client_ca_file = "server.pem"\nclient_common_names = ["cks.kms.eu-north-1.amazonaws.com"]\n';

/** A request that has begun, on a connection that its client never closes; the last bytes of its body are still to come. */
async function slowRequest(): Promise<{ finish: () => Promise<string> }> {
  const { host, credentials } = proxy;
  const changes = { headers: add('Expect', '100-continue') };
  const body = JSON.stringify(encryptBody());
  const request = requestBytes(`${BASE}/keys/orders/encrypt`, body, changes, host, credentials.acme);
  const socket = lastingConnection(proxy);
  socket.write(request.subarray(0, -5));
  // Says that the request has begun: 100 Continue.
  await once(socket, 'data');
  return {
    async finish() {
      socket.write(request.subarray(-5));
      const answer: unknown[] = await once(socket, 'data');
      socket.destroy();
      return answer.join('');
    },
  };
}

/** Puts another certificate in place, and returns that of its authority. */
async function issueCertificate(days: readonly [number, number]): Promise<string> {
  const authority = await clientAuthority();
  const { cert, key } = await authority.issue(['localhost'], days, 'serverAuth');
  writeFileSync(join(proxy.directory, 'server.pem'), cert);
  writeFileSync(join(proxy.directory, 'server.key'), key);
  return authority.certificatePem;
}

/** The common name of the certificate that a new connection is shown. */
function subject(ca: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', servername: 'localhost', ca }, () => {
      resolve(socket.getPeerCertificate().subject.CN);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
