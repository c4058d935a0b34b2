import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ListKeysCommand } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { startKms } from './fixtures/kms.ts';

const CREATE_KEY = [
  'POST / HTTP/1.1',
  'host: localhost',
  'x-amz-target: TrentService.CreateKey',
  'content-length: 2',
  '',
  '{}',
].join('\r\n');

test('a client that resets its connection behind a request is known by its address', async () => {
  const { url, local } = await startKms();
  for (let sent = 1; sent <= 5; sent += 1) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    await sleep(20); // The server has accepted it.
    socket.write(CREATE_KEY);
    socket.resetAndDestroy();
  }
  await expect.poll(() => local.auditEvents()).toHaveLength(5);
  const addresses = local.auditEvents().map(({ sourceIPAddress }) => sourceIPAddress);
  expect(new Set(addresses)).toEqual(new Set(['127.0.0.1']));
});

test('a request on a connection that was reset before it was accepted has no effect', async () => {
  const { url, local, client } = await startKms();
  const isReset = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { port: Number(new URL(url).port), request: CREATE_KEY, isReset };
  const worker = new Worker(RESETTING_CLIENT, { eval: true, workerData });
  // Nothing is accepted meanwhile.
  Atomics.wait(isReset, 0, 0);
  await once(worker, 'exit');
  const { Keys } = await client.send(new ListKeysCommand());
  expect(Keys).toEqual([]);
  expect(local.auditEvents().map(({ eventName }) => eventName)).toEqual(['ListKeys']);
});

const RESETTING_CLIENT = `
  const { connect } = require('node:net');
  const { workerData: { port, request, isReset } } = require('node:worker_threads');
  const socket = connect(port, '127.0.0.1', () => {
    socket.write(request);
    socket.resetAndDestroy();
    setTimeout(() => {
      Atomics.store(isReset, 0, 1);
      Atomics.notify(isReset, 0);
    }, 50);
  });
`;
