import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { startProxy } from '../../src/server.ts';
import { BASE, decryptBody, encryptBody } from '../fixtures/bodies.ts';
import { metadata, requestBytes, writeTestConfig } from '../fixtures/proxy.ts';
import { exchange } from '../fixtures/raw-http.ts';

it('a proxy that can count no encryption makes none, decrypts, and says so', async () => {
  const files = await writeTestConfig();
  onTestFinished(() => files.dispose());
  appendFileSync(files.configFile, '[iv_budget]\nstate_dir = "counts"\nlimit = 1024\n[admin]\nport = 0\n');
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const lines: string[] = [];
  const log = { write: (line: string) => lines.push(line) };
  const config = loadConfig(files.configFile);
  const patient = { ...config, server: { ...config.server, timeoutMs: 10_000 } };
  const proxy = await startProxy(patient, { log });
  onTestFinished(() => proxy.close());
  const host = `localhost:${proxy.port}`;
  const call = (path: string, body: unknown) => {
    const request = requestBytes(path, JSON.stringify(body), {}, host, files.credentials.acme);
    return exchange({ port: proxy.port, ca: files.ca }, request);
  };
  const encrypt = () => call(`${BASE}/keys/orders/encrypt`, encryptBody());
  const admin = async (page: string) => (await fetch(`http://127.0.0.1:${proxy.adminPort}/${page}`)).text();
  const { json: sealed } = await encrypt();
  rmSync(join(files.directory, 'counts'), { recursive: true });
  await expect(encrypt()).resolves.toMatchObject({ status: 500 });
  // After this time health is probed again.
  vi.advanceTimersByTime(11_000);
  await expect(call(`${BASE}/health`, { requestMetadata: metadata() })).resolves.toMatchObject({
    status: 200,
    json: { ekmFleetDetails: [{ healthStatus: 'DEGRADED' }] },
  });
  const told = { event: 'health', healthStatus: 'DEGRADED', reason: 'iv-budget-unavailable' };
  expect(lines.map((line): unknown => JSON.parse(line))).toContainEqual(expect.objectContaining(told));
  await expect(call(`${BASE}/keys/orders/decrypt`, decryptBody(sealed))).resolves.toMatchObject({
    status: 200,
  });
  const ping = Buffer.from(`GET /ping HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await expect(exchange({ port: proxy.port, ca: files.ca }, ping)).resolves.toMatchObject({ status: 200 });
  await expect(admin('readyz')).resolves.toBe('ready\n');
  await expect(admin('metrics')).resolves.toContain('\nholdfast_xks_iv_budget_failing 1\n');
  mkdirSync(join(files.directory, 'counts'));
  await expect(encrypt()).resolves.toMatchObject({ status: 200 });
  await expect(admin('metrics')).resolves.toContain('\nholdfast_xks_iv_budget_failing 0\n');
});

it('a proxy whose keys have encrypted all that they may decrypts, and is well', async () => {
  const files = await writeTestConfig();
  onTestFinished(() => files.dispose());
  const started = async () => {
    const proxy = await startProxy(loadConfig(files.configFile));
    onTestFinished(() => proxy.close());
    const call = (path: string, body: unknown) => {
      const host = `localhost:${proxy.port}`;
      const request = requestBytes(path, JSON.stringify(body), {}, host, files.credentials.acme);
      return exchange({ port: proxy.port, ca: files.ca }, request);
    };
    return { proxy, call };
  };
  const before = await started();
  const { json: sealed } = await before.call(`${BASE}/keys/orders/encrypt`, encryptBody());

  appendFileSync(files.configFile, '[iv_budget]\nstate_dir = "counts"\nlimit = 1000\n');
  const counts = join(files.directory, 'counts');
  mkdirSync(counts);
  writeFileSync(join(counts, 'iv-counts_elsewhere_1_aa.json'), '{"label orders":1000}');
  const { proxy, call } = await started();
  await expect(call(`${BASE}/keys/orders/encrypt`, encryptBody())).resolves.toMatchObject({
    status: 400,
    json: { errorName: 'InvalidStateException' },
  });
  await expect(call(`${BASE}/keys/orders/decrypt`, decryptBody(sealed))).resolves.toMatchObject({
    status: 200,
  });
  await expect(call(`${BASE}/health`, { requestMetadata: metadata() })).resolves.toMatchObject({
    status: 200,
    json: { ekmFleetDetails: [{ healthStatus: 'ACTIVE' }] },
  });
  const ping = Buffer.from(`GET /ping HTTP/1.1\r\nHost: localhost:${proxy.port}\r\n\r\n`);
  await expect(exchange({ port: proxy.port, ca: files.ca }, ping)).resolves.toMatchObject({ status: 200 });
});
