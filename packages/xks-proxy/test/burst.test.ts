import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { metadata, requestBytes, startTestProxy } from './fixtures/proxy.ts';

const PATH = '/acme/kms/xks/v1/keys/orders/encrypt';
const BODY = JSON.stringify({
  requestMetadata: metadata(),
  plaintext: Buffer.alloc(32).toString('base64'),
  encryptionAlgorithm: 'AES_GCM',
});

test('requests that come at once take turns at the one session of a token whose calls block, and each counts its own time', async () => {
  const proxy = await startTestProxy((toml) =>
    toml.replace('pin_file = "pin"', 'pin_file = "pin"\nmax_sessions = 1\ncalls = "inline"'),
  );
  onTestFinished(() => proxy.close());
  const { port, ca, host, credentials } = proxy;
  const sockets: TLSSocket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let i = 0; i < 60; i += 1) {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost' });
    await once(socket, 'secureConnect');
    sockets.push(socket);
  }
  const request = requestBytes(PATH, BODY, {}, host, credentials.acme);
  const answers = sockets.map(async (socket) => {
    socket.write(request);
    return String(await once(socket, 'data'));
  });
  const served = (await Promise.all(answers)).filter((answer) => answer.startsWith('HTTP/1.1 200')).length;
  // A machine that stands still for a moment has the overload guard refuse some of them, but never so many.
  expect(served).toBeGreaterThanOrEqual(32);
  await expect.poll(() => encryptions(proxy.logLines())).toHaveLength(served);
  const refused = proxy.logLines().filter(({ status }) => status !== undefined && status !== 200);
  expect(refused.every(({ reason }) => reason === 'overload')).toBe(true);
  const records = encryptions(proxy.logLines());
  const sum = records.reduce((total, { tokenMs }) => total + Number(tokenMs), 0);
  // If a call's time held the calls of the others, each would be as long as all.
  expect(sum).toBeLessThan(3 * Math.max(...records.map(({ durationMs }) => Number(durationMs))) + 100);
});

const encryptions = (lines: readonly Record<string, unknown>[]) =>
  lines.filter(({ event, operation }) => event === 'request' && operation === 'Encrypt');
