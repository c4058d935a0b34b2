import { once } from 'node:events';
import { createServer, Server } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseConfig } from '../src/config/config.ts';
import { type RunningProxy, startProxy } from '../src/server.ts';
import { BASE, encryptBody } from './fixtures/bodies.ts';
import { add } from './fixtures/changes.ts';
import { type EditHeaders, requestBytes, writeTestConfig } from './fixtures/proxy.ts';
import { exchange } from './fixtures/raw-http.ts';

let files: Awaited<ReturnType<typeof writeTestConfig>>;
let proxy: RunningProxy | undefined;
beforeAll(async () => {
  files = await writeTestConfig();
});
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
});
afterAll(() => files.dispose());

const parse = (toml = files.toml) => parseConfig(toml, { baseDirectory: files.directory });
const start = async (toml?: string) => {
  proxy = await startProxy(parse(toml));
  return proxy;
};
const encryptBytes = (port: number, credential = files.credentials.acme, headers?: EditHeaders) => {
  const body = JSON.stringify(encryptBody());
  const changes = headers === undefined ? {} : { headers };
  return requestBytes(`${BASE}/keys/orders/encrypt`, body, changes, `localhost:${port}`, credential);
};

/** Protocol and cipher suite that a client ends up with, or `refused`. */
function negotiate(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca: files.ca, servername: 'localhost', ...options });
    socket
      .on('error', () => resolve('refused'))
      .on('secureConnect', () => {
        resolve(`${socket.getProtocol() ?? ''} ${socket.getCipher().standardName}`);
        socket.destroy();
      });
  });
}

describe('a proxy speaks', () => {
  it('TLS 1.3 with AES-256 or ChaCha20', async () => {
    const { port } = await start();
    await expect(negotiate(port, {})).resolves.toBe('TLSv1.3 TLS_AES_256_GCM_SHA384');
    const chacha = { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' };
    await expect(negotiate(port, chacha)).resolves.toBe('TLSv1.3 TLS_CHACHA20_POLY1305_SHA256');
  });

  it('TLS 1.2 with ECDHE and AES-256-GCM', async () => {
    const { port } = await start();
    const suite = 'TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384';
    await expect(negotiate(port, { maxVersion: 'TLSv1.2' })).resolves.toBe(suite);
  });

  it('nothing older or weaker', async () => {
    const { port } = await start();
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    await expect(negotiate(port, old)).resolves.toBe('refused');
    const weak = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } as const;
    await expect(negotiate(port, weak)).resolves.toBe('refused');
    await expect(negotiate(port, { ciphers: 'TLS_AES_128_GCM_SHA256' })).resolves.toBe('refused');
  });
});

describe('a proxy', () => {
  it('tells where it listens', async () => {
    const { url, port } = await start();
    expect(url).toBe(`https://127.0.0.1:${port}`);
  });

  it('answers several requests on one connection', async () => {
    const { port } = await start();
    const socket = connect({ host: '127.0.0.1', port, ca: files.ca, servername: 'localhost' });
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
    });
    for (const round of [1, 2, 3]) {
      socket.write(encryptBytes(port));
      await expect.poll(() => received.match(/HTTP\/1\.1 200/g)?.length).toBe(round);
    }
    socket.destroy();
  });

  it('finishes the request under way before it closes, and keeps no idle connection', async () => {
    const running = await start();
    const { port } = running;
    const request = encryptBytes(port, files.credentials.acme, add('Expect', '100-continue'));
    const idle = connect({ host: '127.0.0.1', port, ca: files.ca, servername: 'localhost' });
    idle.resume();
    const busy = connect({ host: '127.0.0.1', port, ca: files.ca, servername: 'localhost' });
    let received = '';
    busy.on('data', (chunk: Buffer) => {
      received += chunk.toString();
    });
    await Promise.all([once(idle, 'secureConnect'), once(busy, 'secureConnect')]);
    busy.write(request.subarray(0, -5));
    // Says that the request has begun.
    await expect.poll(() => received).toContain('100 Continue');
    const closed = running.close();
    proxy = undefined;
    busy.write(request.subarray(-5));
    await closed;
    expect(received).toMatch(/HTTP\/1\.1 200[^]*Connection: close/);
    await expect(negotiate(port, {})).resolves.toBe('refused');
  });

  it('goes on when its server fails at something that belongs to no connection, and logs it', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    const lines: string[] = [];
    proxy = await startProxy(parse(), { log: { write: (line: string) => lines.push(line) } });
    const [server] = listen.mock.contexts;
    listen.mockRestore();
    if (!(server instanceof Server)) throw new Error('the proxy has no server');
    server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      event: 'server-error',
      level: 'error',
      cause: 'EMFILE',
    });
    await expect(negotiate(proxy.port, {})).resolves.toContain('TLSv1.3');
  });

  it('answers also when its log cannot be written', async () => {
    const log = {
      write() {
        throw new Error('disk full');
      },
    };
    proxy = await startProxy(parse(), { log });
    const answer = exchange({ ...proxy, ca: files.ca }, encryptBytes(proxy.port));
    await expect(answer).resolves.toMatchObject({ status: 200 });
  });

  it('refuses a credential that its configuration no longer has', async () => {
    const { acme, acmeNext } = files.credentials;
    const first = await start();
    await expect(exchange({ ...first, ca: files.ca }, encryptBytes(first.port, acme))).resolves.toMatchObject(
      { status: 200 },
    );
    await first.close();
    const [before = '', row = '', after = ''] = files.toml.split(
      /(\[\[stores\.credentials\]\][^[]*"acme\.secret"\n)/,
    );
    expect(row).toContain(acme.accessKeyId);
    const second = await start(before + after);
    await expect(
      exchange({ ...second, ca: files.ca }, encryptBytes(second.port, acme)),
    ).resolves.toMatchObject({ status: 401 });
    await expect(
      exchange({ ...second, ca: files.ca }, encryptBytes(second.port, acmeNext)),
    ).resolves.toMatchObject({ status: 200 });
  });

  it('does not start without its token', async () => {
    const failure = startProxy(parse(files.toml.replace('xks-test', 'another token')));
    await expect(failure).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
    const noModule = startProxy(parse(files.toml.replace(/module = .*/, 'module = "nothing.so"')));
    await expect(noModule).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
  });

  it('does not start with what is no configuration', async () => {
    // @ts-expect-error a caller without types
    await expect(startProxy({})).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('does not start with a certificate that has expired', async () => {
    const config = parse();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 40 * 24 * 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    await expect(startProxy(config)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('tells of a certificate that is not valid yet', async () => {
    const config = parse();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 40 * 24 * 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    const lines: string[] = [];
    proxy = await startProxy(config, { log: { write: (line: string) => lines.push(line) } });
    const told = lines.filter((line) => line.includes('"event":"certificate-not-valid"'));
    expect(told).toEqual([expect.stringContaining('"isServed":true')]);
  });

  it('does not start on a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const failure = startProxy(parse(files.toml.replace('port = 0', `port = ${port}`)));
    await expect(failure).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    other.close();
  });
});
