import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../../../src/store/postgres/connection.ts';

/** A server that takes a connection (AuthenticationOk, ReadyForQuery) and never answers anything after that. */
async function startSilentServer(): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(Buffer.from('5200000008000000005a0000000549', 'hex')));
    socket.resume();
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return `postgresql://tests@127.0.0.1:${port}/tests?sslmode=disable`;
}

test('a connection is closed in two seconds although the server does not answer', async () => {
  const { close } = await connect(await startSilentServer());
  const started = performance.now();
  await close();
  expect(performance.now() - started).toBeLessThan(5000);
});
