import { once } from 'node:events';
import { connect, Server } from 'node:net';
import { createLocalKms, directoryStore, type LogRecord, passphraseProtection } from '@holdfast/local-kms';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { OPERATIONS } from '../src/operations/index.ts';

async function start() {
  const records: LogRecord[] = [];
  const kms = await createLocalKms({ log: (record) => void records.push(record) }).listen();
  onTestFinished(() => kms.close());
  return { kms, records };
}

async function connectTo(url: string) {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect');
  return socket;
}

describe('a local KMS', () => {
  test.each([0, -1, Number.NaN, 60_001, Infinity])('takes no time limit of %d ms', (xksTimeoutMs) => {
    expect(() => createLocalKms({ xksTimeoutMs })).toThrow(RangeError);
  });

  test.each(['on', 'toString', ''])('takes no auth %o, and says which there are', (auth) => {
    const options: object = { auth };
    const expected = new TypeError('auth: expected off, log or enforce');
    expect(() => createLocalKms(options)).toThrow(expected);
  });

  test.each<[string, object]>([
    ['state.store', {}],
    ['state.store', { store: './data', protection: passphraseProtection(Buffer.of(1)) }],
    ['state.protection', { store: directoryStore('data') }],
    ['state.protection', { store: directoryStore('data'), protection: 'passphrase' }],
  ])('takes no state without a store and a protection: %s', (name, state) => {
    const options: object = { state };
    expect(() => createLocalKms(options)).toThrow(TypeError);
    expect(() => createLocalKms(options)).toThrow(`${name}: expected `);
  });

  test('ends silent connections when it is closed', async () => {
    const { kms } = await start();
    const socket = await connectTo(kms.url);
    await fetch(kms.url);
    const ended = once(socket, 'close');
    const startedAt = performance.now();
    await kms.close();
    expect(performance.now() - startedAt).toBeLessThan(2000);
    await ended;
  });

  test('waits a while for a request under way when it is closed, but not for ever', async () => {
    const { kms } = await start();
    const socket = await connectTo(kms.url);
    const target = 'X-Amz-Target: TrentService.ListKeys';
    socket.write(
      `POST / HTTP/1.1\r\nHost: localhost\r\n${target}\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n{`,
    );
    await once(socket, 'data'); // 100 Continue: it has begun.
    const startedAt = performance.now();
    await kms.close();
    expect(performance.now() - startedAt).toBeGreaterThan(4000);
    expect(performance.now() - startedAt).toBeLessThan(8000);
  });

  test('goes on when its server fails at something that belongs to no request, and logs it', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    const { kms, records } = await start();
    const [server] = listen.mock.contexts;
    listen.mockRestore();
    if (!(server instanceof Server)) throw new Error('there is no server');
    server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    expect(records.at(-1)).toEqual({ event: 'server-error', cause: 'EMFILE' });
    expect((await fetch(kms.url)).status).toBe(404);
  });

  test('logs the place of a fault that nobody foresaw, and not its message', async () => {
    const { kms, records } = await start();
    vi.spyOn(OPERATIONS, 'get').mockReturnValueOnce({
      onAccount: true,
      members: () => ({}),
      request() {
        throw Object.assign(new TypeError('cannot read the plaintext hunter2'), { code: 'ERR_SOMETHING' });
      },
    });
    const headers = { 'X-Amz-Target': 'TrentService.ListKeys' };
    const { status } = await fetch(kms.url, { method: 'POST', headers, body: '{}' });
    expect(status).toBe(500);
    const record = records.at(-1);
    expect(record).toMatchObject({ errorName: 'KMSInternalException' });
    expect(JSON.stringify(record)).toMatch(/"fault":"TypeError ERR_SOMETHING at .*local-kms\.test\.ts:\d+/);
    expect(JSON.stringify(record)).not.toContain('hunter2');
  });
});
