import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:https';
import { promisify } from 'node:util';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { httpsServer } from '../../src/http/https-server.ts';
import { listen } from '../../src/http/listen.ts';
import { createLog } from '../../src/log.ts';
import { lastingConnection } from '../fixtures/raw-http.ts';

let server: Server;
let stop: () => Promise<void>;
let ca: string;
let port: number;
/** Requests that the app was given, and those of them that are gone. */
const requests = { begun: 0, gone: 0 };
beforeAll(async () => {
  const authority = await createCertificateAuthority();
  ca = authority.certificatePem;
  const { certificatePem, keyPem } = await authority.issue({
    commonName: 'localhost',
    dnsNames: ['localhost'],
  });
  const tls = { certificate: certificatePem, key: createPrivateKey(keyPem) };
  const app = (incoming: NodeJS.ReadableStream) => {
    requests.begun += 1;
    incoming.resume().on('error', () => undefined);
    incoming.on('close', () => {
      requests.gone += 1;
    });
  };
  ({ server, stop } = httpsServer(tls, app, createLog(undefined)));
  port = await listen(server, { host: '127.0.0.1', port: 0 });
});
afterAll(() => stop());

const connections = () => promisify(server.getConnections.bind(server))();

/** What a client is answered that never closes its half of the connection. */
async function answerTo(request: string): Promise<string> {
  const socket = lastingConnection({ port, ca });
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  });
  socket.write(request);
  await once(socket, 'end');
  return answer;
}

describe('a client that breaks the rules of HTTP and never closes its half of the connection', () => {
  it.each([
    ['in a head', 'GET / HTTP/9.9\r\n\r\n', 0],
    ['in a body', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx', 1],
  ])('is answered, and keeps neither connection nor request: %s', async (_place, request, howMany) => {
    const before = { ...requests };
    await expect(answerTo(request)).resolves.toMatch(/^HTTP\/1\.1 400 [^]*"ValidationException"/);
    await expect.poll(connections, { timeout: 5_000 }).toBe(0);
    await expect.poll(() => requests).toEqual({ begun: before.begun + howMany, gone: before.gone + howMany });
  });
});

test('a client that never reads its answers has less than a minute', () => {
  // Node may need twice the time to notice: too long for a test to wait.
  expect(server.timeout).toBeGreaterThan(0);
  expect(server.timeout).toBeLessThanOrEqual(30_000);
});
