import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { METRIC_PREFIX, METRICS } from '../../src/metrics/names.ts';
import { type RunningProxy, startProxy } from '../../src/server.ts';
import { BASE, encryptBody } from '../fixtures/bodies.ts';
import { add } from '../fixtures/changes.ts';
import { requestBytes, writeTestConfig } from '../fixtures/proxy.ts';
import { exchange } from '../fixtures/raw-http.ts';

const files = await writeTestConfig();
const toml = files.toml.replace(
  'secret_access_key_file = "acme.secret"\n',
  (line) => `${line}created = ${new Date(Date.now() - 3 * 86_400_000).toISOString()}\n`,
);
const parse = (text: string) => parseConfig(text, { baseDirectory: files.directory });
let proxy: RunningProxy | undefined;
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
});

const start = async (text = `${toml}\n[admin]\nport = 0\n`, worker?: number) => {
  proxy = await startProxy(parse(text), { worker });
  return { running: proxy, admin: `http://127.0.0.1:${proxy.adminPort}` };
};
const page = async (url: string, method = 'GET') => {
  const response = await fetch(url, { method });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
};
const encrypt = (running: RunningProxy, key = 'orders', skewMs = 0) => {
  const host = `localhost:${running.port}`;
  const body = JSON.stringify(encryptBody());
  const path = `${BASE}/keys/${key}/encrypt`;
  const request = requestBytes(path, body, { skewMs }, host, files.credentials.acme);
  return exchange({ port: running.port, ca: files.ca }, request);
};

describe('the listener for operators', () => {
  it('is not there unless it is configured', async () => {
    const { running } = await start(toml);
    expect(running.adminPort).toBeUndefined();
  });

  it('says that the process is alive and takes requests, to GET and HEAD alone', async () => {
    const { admin } = await start();
    await expect(page(`${admin}/livez`)).resolves.toMatchObject({ status: 200, text: 'alive\n' });
    await expect(page(`${admin}/readyz`)).resolves.toMatchObject({ status: 200, text: 'ready\n' });
    await expect(page(`${admin}/readyz`, 'HEAD')).resolves.toMatchObject({ status: 200, text: '' });
    for (const path of ['/', '/livez?x', '/toString', '/__proto__']) {
      await expect(page(admin + path)).resolves.toMatchObject({ status: 404 });
    }
    await expect(page(`${admin}/livez`, 'POST')).resolves.toMatchObject({ status: 404 });
  });

  it('is not ready while the proxy drains, and gone after that', async () => {
    const { running, admin } = await start();
    const socket = connect({ host: '127.0.0.1', port: running.port, ca: files.ca, servername: 'localhost' });
    await once(socket, 'secureConnect');
    // A request that has begun holds up the end.
    const headers = add('Expect', '100-continue');
    const request = requestBytes(`${BASE}/health`, '{}', { headers }, 'localhost', files.credentials.acme);
    socket.write(request.subarray(0, -1));
    await once(socket, 'data');
    const closing = running.close();
    proxy = undefined;
    await expect(page(`${admin}/readyz`)).resolves.toMatchObject({ status: 503, text: 'draining\n' });
    socket.end(request.subarray(-1));
    await closing;
    await expect(page(`${admin}/livez`)).rejects.toThrow('fetch failed');
  });

  it('cannot be had twice on one port, and then nothing is left open', async () => {
    const { running } = await start();
    const second = startProxy(parse(`${toml}\n[admin]\nport = ${running.adminPort}\n`));
    await expect(second).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
  });

  it('has a port of its own for each of several processes', async () => {
    const { running } = await start();
    const base = (running.adminPort ?? 0) - 2;
    await running.close();
    const { running: third } = await start(`${toml}\n[admin]\nport = ${base}\n`, 3);
    expect(third.adminPort).toBe(base + 2);
    await expect(third.reload(() => parse(`${toml}\n[admin]\nport = ${base}\n`))).resolves.toBeUndefined();
  });
});

describe('the metrics', () => {
  it('count requests and calls, and tell of certificate, credentials and tokens', async () => {
    const { running, admin } = await start();
    // Of the same event loop, at the same time: how busy the machine is makes no difference between the two.
    const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
    loop.enable();
    onTestFinished(() => void loop.disable());
    await encrypt(running);
    await encrypt(running, 'nothing');
    await encrypt(running, 'orders', 3_600_000);
    await running.reload(() => parse(`${toml}\n[admin]\nport = 0\n`));
    await running.reload(() => parse('')).catch(() => undefined);
    const { status, type, text } = await page(`${admin}/metrics`);
    expect(status).toBe(200);
    expect(type).toContain('text/plain; version=0.0.4');
    const value = (series: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${METRIC_PREFIX}${series} `))
          ?.split(' ')[1],
      );
    const requests = (outcome: string) =>
      value(`requests_total{store="acme",operation="Encrypt",outcome="${outcome}"}`);
    expect(['success', 'KeyNotFoundException', 'AuthenticationFailedException'].map(requests)).toEqual([
      1, 1, 1,
    ]);
    expect(value('request_duration_seconds_count{operation="Encrypt",outcome="success"}')).toBe(1);
    expect(
      value('token_call_duration_seconds_count{token="xks-test",call="Encrypt",outcome="success"}'),
    ).toBe(1);
    expect(value('reloads_total{outcome="success"}')).toBe(1);
    expect(value('reloads_total{outcome="refused"}')).toBe(1);
    expect(value('settings_awaiting_start')).toBe(0);
    expect(value('iv_budget_failing')).toBe(0);
    expect(value('certificate_expiry_days')).toBeCloseTo(30, 0);
    const accessKeyId = files.credentials.acme.accessKeyId;
    expect(value(`credential_age_days{store="acme",access_key_id="${accessKeyId}"}`)).toBeCloseTo(3, 1);
    expect(text).not.toContain(files.credentials.other.accessKeyId);
    expect(value('token_status{token="xks-test",status="ACTIVE"}')).toBe(1);
    expect(value('token_status{token="xks-test",status="UNAVAILABLE"}')).toBe(0);
    expect(value('token_circuit_open{token="xks-test"}')).toBe(0);
    expect(value('token_sessions{token="xks-test",state="limit"}')).toBe(16);
    expect(value('token_sessions{token="xks-test",state="open"}')).toBeGreaterThan(0);
    expect(value('resident_memory_bytes')).toBeGreaterThan(1e7);
    // The monitor's own interval is not part of its delay.
    const tickMs = loop.percentile(50) / 1e6;
    expect(value('event_loop_delay_seconds{quantile="0.5"}') * 1000).toBeLessThan(
      tickMs - LOOP_RESOLUTION_MS / 2,
    );
    expect(value('event_loop_delay_seconds{quantile="1"}')).toBeGreaterThan(0);
  });

  it('tell of settings that wait for a start, until they are as they are served', async () => {
    const { running, admin } = await start();
    const waiting = async () => {
      const { text } = await page(`${admin}/metrics`);
      return Number(new RegExp(`^${METRIC_PREFIX}settings_awaiting_start (\\d+)$`, 'm').exec(text)?.[1]);
    };
    const reload = (more: string) => running.reload(() => parse(`${toml}\n[admin]\nport = 0\n${more}`));
    await reload('[iv_budget]\nlimit = 1\n[audit]\ndirectory = "audit"\n');
    await expect(waiting()).resolves.toBe(2);
    await reload('');
    await expect(waiting()).resolves.toBe(0);
  });

  it('are those of the table, and no others', async () => {
    const { admin } = await start();
    const { text } = await page(`${admin}/metrics`);
    const told = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`);
    const table = Object.entries(METRICS).map(([name, { kind }]) => `${METRIC_PREFIX}${name} ${kind}`);
    expect(told.sort()).toEqual(table.sort());
  });
});

/** Of the monitor in the metrics. */
const LOOP_RESOLUTION_MS = 10;
