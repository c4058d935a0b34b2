import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { refuseWhenLate } from '../../src/http/overload.ts';
import { createLog } from '../../src/log.ts';

const lines: string[] = [];
const log = createLog({ write: (line: string) => lines.push(line) });

test('refuses what is late because many requests came before it in the same turn, but no load balancer', () => {
  const first = Array.from({ length: 33 }, () => ask('POST'));
  busyFor(110);
  const [late, ping, huge] = [ask('POST'), ask('GET'), ask('POST', '1000000000')];
  expect(first.every(({ isRefused }) => !isRefused)).toBe(true);
  expect([late.isRefused, ping.isRefused, huge.isRefused]).toEqual([true, false, true]);
  expect([late.status, late.connection]).toEqual([429, undefined]);
  expect([huge.status, huge.connection]).toEqual([429, 'close']);
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
    expect.objectContaining({ event: 'request', status: 429, reason: 'overload' }),
    expect.objectContaining({ event: 'request', status: 429, reason: 'overload' }),
  ]);
});

test('refuses none of a few, however long they take', async () => {
  await new Promise((resolve) => void setImmediate(resolve));
  ask('POST');
  busyFor(110);
  expect(ask('POST').isRefused).toBe(false);
});

function ask(method: string, contentLength = '520') {
  const incoming = new IncomingMessage(new Socket());
  [incoming.method, incoming.httpVersionMajor, incoming.httpVersionMinor] = [method, 1, 1];
  incoming.headers['content-length'] = contentLength;
  const outgoing = new ServerResponse(incoming);
  const isRefused = refuseWhenLate(incoming, outgoing, log);
  const [, connection] = /^connection: (close)/im.exec(String(Reflect.get(outgoing, '_header'))) ?? [];
  return { isRefused, status: outgoing.statusCode, connection };
}

function busyFor(milliseconds: number): void {
  const endMs = performance.now() + milliseconds;
  while (performance.now() < endMs);
}
