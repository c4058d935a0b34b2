import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { type Overload, overload } from '../../src/http/overload.ts';
import { createLog } from '../../src/log.ts';

const HEALTH = 'POST /acme/kms/xks/v1/health';
const PING = 'GET /ping';
const OTHER = 'POST /acme/kms/xks/v1/keys/orders/encrypt';
const lines: string[] = [];
const log = createLog({ write: (line: string) => lines.push(line) });

/** Serves with 200, and takes its time for each request. */
let server: Server;
let refuses: Overload;
let busyMs = 0;
let connections = 0;
let sockets: readonly Socket[] = [];
beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    if (refuses(incoming, outgoing)) return;
    const endMs = performance.now() + busyMs;
    while (performance.now() < endMs);
    incoming.resume().on('end', () => void outgoing.end('served'));
  });
  server.on('connection', (socket) => {
    connections += 1;
    socket.on('close', () => {
      connections -= 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
beforeEach(async () => {
  refuses = overload(log);
  lines.length = 0;
  sockets = await Promise.all(Array.from({ length: 60 }, connection));
  await vi.waitUntil(() => connections === sockets.length, { timeout: 10_000 });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await vi.waitUntil(() => connections === 0, { timeout: 10_000 });
});
afterAll(() => void server.close());

test('refuses what is late because many requests came before it in the same turn', async () => {
  busyMs = 3;
  const answers = await Promise.all(sockets.map((socket) => ask(socket, OTHER)));
  const refused = answers.filter((answer) => answer.startsWith('HTTP/1.1 429'));
  expect(answers.filter((answer) => answer.startsWith('HTTP/1.1 200')).length).toBeGreaterThanOrEqual(32);
  expect(refused.length).toBeGreaterThan(0);
  for (const answer of refused) expect(answer).toContain('"errorName":"ThrottlingException"');
  const record: unknown = expect.objectContaining({ event: 'request', status: 429, reason: 'overload' });
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual(refused.map(() => record));
});

test('refuses neither load balancers nor GetHealthStatus', async () => {
  busyMs = 3;
  const crowd = sockets.slice(0, 50).map((socket) => ask(socket, OTHER));
  const exempt = sockets.slice(50).map((socket, index) => ask(socket, index % 2 === 0 ? HEALTH : PING));
  for (const answer of await Promise.all(exempt)) expect(answer).toMatch(/^HTTP\/1.1 200/);
  expect((await Promise.all(crowd)).some((answer) => answer.startsWith('HTTP/1.1 429'))).toBe(true);
});

test('refuses none of a few, however long they take', async () => {
  busyMs = 20;
  for (const answer of await Promise.all(sockets.slice(0, 20).map((socket) => ask(socket, OTHER)))) {
    expect(answer).toMatch(/^HTTP\/1.1 200/);
  }
});

test('closes the connection of a body that has not come', async () => {
  busyMs = 3;
  const served = sockets.slice(0, 40).map((socket) => ask(socket, OTHER));
  const slow = sockets.slice(40, 41).map((socket) => ask(socket, OTHER, 'Content-Length: 1000000000'));
  await Promise.all(served);
  for (const answer of await Promise.all(slow))
    expect(answer).toMatch(/^HTTP\/1.1 429[^{]*Connection: close/s);
});

test('answers nobody who has gone', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  busyMs = 3;
  const [served, gone] = [sockets.slice(0, 32), sockets.slice(32)];
  const answers = served.map((socket) => ask(socket, OTHER));
  for (const socket of gone) socket.write(request(OTHER));
  await Promise.all(answers);
  for (const socket of gone) socket.destroy();
  await expect.poll(() => connections).toBe(served.length);
  vi.advanceTimersByTime(10_000);
  expect(lines).toEqual([]);
});

async function connection(): Promise<Socket> {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  const socket = connect(address.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

function request(target: string, header = 'Content-Length: 2'): string {
  return `${target} HTTP/1.1\r\nHost: localhost\r\n${header}\r\n\r\n{}`;
}

/** What is answered; all that is asked before the event loop goes round comes in one turn. */
function ask(socket: Socket, target: string, header?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    socket.on('error', reject).on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (/served|\}$/.test(answer)) resolve(answer);
    });
    socket.write(request(target, header));
  });
}
