import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { findModule } from '@holdfast/pkcs11/testing';
import type { Endpoint } from '@holdfast/testbed/load/connection';
import { closedLoop, count } from '@holdfast/testbed/load/loops';
import { requestPool, SMALL } from '@holdfast/testbed/load/requests';
import { type LoadSetting, loadSetting } from '@holdfast/testbed/load/setting';
import { processUsage } from '@holdfast/testbed/process-usage';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { record } from './record.ts';
import { IS_LONG } from './scale.ts';

describe.skipIf(findModule() === undefined)('connections of strangers', () => {
  let setting: LoadSetting;
  const figures: Record<string, number> = {};
  beforeAll(async () => {
    setting = await loadSetting();
  });
  afterAll(() => {
    record('hostile', { connections: STRANGERS, kibibytesEach: figures });
    setting?.dispose();
  });

  test.each(Object.entries(ATTACKS))('take at most 64 KiB each that send %s', async (name, bytes) => {
    // A new one each time: memory that was once taken is not given back, and would hide what comes later.
    const proxy = await setting.start();
    onTestFinished(async () => void (await proxy.stop()));
    const path = setting.encryptPath();
    const ask = () =>
      closedLoop(proxy.endpoint, requestPool([path], SMALL, setting.caller), {
        connections: 4,
        durationMs: 500,
      });
    await ask();
    await close(await open(proxy.endpoint, HANDSHAKES_AT_ONCE));
    const before = processUsage(proxy.pid).rssBytes;

    const sockets = await open(proxy.endpoint, STRANGERS);
    let peak = 0;
    for (let piece = 0; piece < PIECES; piece += 1) {
      for (const socket of sockets) if (socket.writable) socket.write(bytes(piece, path));
      await sleep(PIECE_PAUSE_MS);
      peak = Math.max(peak, processUsage(proxy.pid).rssBytes);
    }
    const meanwhile = await ask();
    await close(sockets);

    figures[name] = Math.round((peak - before) / STRANGERS / 1024);
    expect(peak - before).toBeLessThanOrEqual(STRANGERS * MAX_BYTES_EACH + UNCOLLECTED_BYTES);
    expect(count(meanwhile, 200)).toBeGreaterThan(0);
    expect([...meanwhile.outcomes.keys()].filter((outcome) => outcome !== 200 && outcome !== 429)).toEqual(
      [],
    );
  });
});

async function open(endpoint: Endpoint, howMany: number): Promise<readonly TLSSocket[]> {
  const sockets: TLSSocket[] = [];
  // A crowd would wait for its handshakes longer than the proxy waits for a header.
  while (sockets.length < howMany) {
    const some = Array.from({ length: HANDSHAKES_AT_ONCE }, async () => {
      const socket = connect(endpoint);
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      return socket;
    });
    sockets.push(...(await Promise.all(some)));
  }
  return sockets;
}

async function close(sockets: readonly TLSSocket[]): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await sleep(SETTLE_MS);
}

const head = (path: string, ...headers: readonly string[]): string =>
  [`POST ${path} HTTP/1.1`, 'Host: xks.load.example', ...STRANGER, ...headers, '', ''].join('\r\n');

/** Nobody whom the proxy knows. */
const STRANGER = [
  'Content-Type: application/json',
  'X-Amz-Date: 20260101T000000Z',
  `Authorization: AWS4-HMAC-SHA256 Credential=STRANGERSTRANGERSTRA/20260101/eu-north-1/kms-xks-proxy/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
] as const;

/** What a stranger writes as its n-th piece. */
const ATTACKS: Readonly<Record<string, (piece: number, path: string) => string>> = {
  'nothing at all': () => '',
  'a huge body': (piece, path) =>
    piece === 0 ? head(path, 'Content-Length: 1000000000') : 'x'.repeat(16_384),
  'a body in chunks of one byte': (piece, path) =>
    piece === 0 ? head(path, 'Transfer-Encoding: chunked') : '1\r\nx\r\n'.repeat(64),
  'a header that does not end': (piece, path) =>
    piece === 0 ? `POST ${path} HTTP/1.1\r\nX: ` : 'x'.repeat(256),
  'JSON of nothing but brackets': (piece, path) =>
    piece === 0 ? head(path, 'Content-Length: 65000') : '['.repeat(4096),
  'a body that is just waited for': (piece, path) =>
    piece === 0 ? head(path, 'Content-Length: 24576') : '['.repeat(3500),
};

const STRANGERS = IS_LONG ? 1_000 : 160;
const HANDSHAKES_AT_ONCE = 40;
const MAX_BYTES_EACH = 64 * 1024;
/** Garbage that the engine has not fetched yet, however many connections there are. */
const UNCOLLECTED_BYTES = 24 * 2 ** 20;
const PIECES = 8;
const PIECE_PAUSE_MS = 100;
const SETTLE_MS = 300;
