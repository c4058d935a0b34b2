import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRecord } from '@holdfast/testbed/json';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { BROKEN_CHAIN_REMEDY } from '../../src/audit/chain-end.ts';
import { openAuditTrail } from '../../src/audit/trail.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { createLog } from '../../src/log.ts';
import { BASE, encryptBody } from '../fixtures/bodies.ts';
import { temporaryFolder } from '../fixtures/folder.ts';
import { startTestProxy, type TestProxy } from '../fixtures/proxy.ts';
import { exchange } from '../fixtures/raw-http.ts';

let proxy: TestProxy | undefined;
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
});

const start = async (directory: string, settings = '') => {
  proxy = await startTestProxy(
    (toml) => `${toml}\n[audit]\ndirectory = ${JSON.stringify(directory)}\n${settings}`,
  );
  return proxy;
};
const encrypt = (started: TestProxy) => started.call(`${BASE}/keys/orders/encrypt`, encryptBody());
const auditFilesIn = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();
const recordsIn = (directory: string) =>
  auditFilesIn(directory)
    .flatMap((file) => readFileSync(join(directory, file), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line))
    .filter(isRecord);

describe('the audit trail of a proxy', () => {
  it.each(['always', 'interval', 'never'])('has a record of every request, with fsync %s', async (fsync) => {
    const directory = temporaryFolder();
    const started = await start(directory, `required = true\nfsync = "${fsync}"`);
    const answers = await Promise.all(Array.from({ length: 20 }, () => encrypt(started)));
    // A disk that takes longer than KMS waits has the record all the same.
    for (const { status } of answers) expect([200, 500]).toContain(status);
    await started.call(`${BASE}/keys/nothing/encrypt`, encryptBody());
    await started.call(`${BASE}/keys/orders/encrypt`, encryptBody(), { skewMs: 3_600_000 });
    await started.reload(
      (toml) =>
        `${toml}\n[audit]\ndirectory = ${JSON.stringify(directory)}\nrequired = true\nfsync = "${fsync}"`,
    );
    await started.close();
    proxy = undefined;
    const records = recordsIn(directory);
    const events = records.map(({ event }) => event);
    expect(events).toEqual([
      'started',
      ...Array.from({ length: 22 }, () => 'request'),
      'reloaded',
      'stopped',
    ]);
    expect(records[1]).toMatchObject({
      outcome: 'success',
      awsPrincipalArn: 'arn:aws:iam::123456789012:user/Alice',
      externalKeyId: 'orders',
      keyVersion: 1,
      policyRule: 'default',
      operation: 'Encrypt',
      status: 200,
      store: 'acme',
      token: 'xks-test',
    });
    expect(records[21]).toMatchObject({ errorName: 'KeyNotFoundException', status: 404 });
    expect(records[22]).toMatchObject({ errorName: 'AuthenticationFailedException', reason: 'clock-skew' });
    const [report] = await verifyAudit([directory]);
    expect(report?.findings).toEqual([]);
    // The log has the last hash, so that a missing end is noticed.
    const head = started.logLines().findLast(({ event }) => event === 'audit-head');
    expect(head).toMatchObject({ sequence: 25, hash: report?.head.hash });
  });

  it('has no record of what is refused before its signature is looked at; the log has', async () => {
    const directory = temporaryFolder();
    const started = await start(directory, 'required = true\nfsync = "never"');
    const changes = { sent: { method: 'PUT' } };
    const answer = started.call(`${BASE}/keys/orders/encrypt`, encryptBody(), changes);
    await expect(answer).resolves.toMatchObject({ status: 405 });
    await encrypt(started);
    expect(recordsIn(directory).map(({ event }) => event)).toEqual(['started', 'request']);
    const logged = started.logLines().filter(({ event }) => event === 'request');
    expect(logged.map(({ status }) => status)).toEqual([405, 200]);
  });

  it('is the condition of an answer when it is required, and mends itself', async () => {
    const directory = join(temporaryFolder(), 'audit');
    const started = await start(directory, 'required = true\nfsync = "never"');
    await expect(encrypt(started)).resolves.toMatchObject({ status: 200 });
    const [file = ''] = auditFilesIn(directory);
    const intact = readFileSync(join(directory, file));
    writeFileSync(join(directory, file), Buffer.concat([intact, Buffer.from('{"forged":true}\n')]));
    for (let round = 0; round < 3; round += 1) {
      await expect(encrypt(started)).resolves.toMatchObject({
        status: 500,
        json: { errorName: 'InternalException' },
      });
    }
    writeFileSync(join(directory, file), intact);
    await expect(encrypt(started)).resolves.toMatchObject({ status: 200 });
    expect(recordsIn(directory).find(({ event }) => event === 'records-lost')).toMatchObject({ count: 3 });
    expect((await verifyAudit([directory]))[0]?.findings).toEqual([]);
    const failures = started.logLines().filter(({ event }) => event === 'audit-failed');
    expect(failures).toHaveLength(1);
  });

  it('has load balancers told while requests are refused for it, and mends itself without a request', async () => {
    const directory = join(temporaryFolder(), 'audit');
    const started = await start(directory, 'required = true\nfsync = "never"\n[admin]\nport = 0');
    const { adminPort } = started.logLines().find(({ event }) => event === 'listening') ?? {};
    const states = async () => {
      const ping = Buffer.from(`GET /ping HTTP/1.1\r\nHost: ${started.host}\r\n\r\n`);
      const ready = await fetch(`http://127.0.0.1:${String(adminPort)}/readyz`);
      return [(await exchange(started, ping)).status, ready.status, await ready.text()];
    };
    await expect(states()).resolves.toEqual([200, 200, 'ready\n']);
    renameSync(directory, `${directory}-gone`);
    await expect(states()).resolves.toEqual([200, 200, 'ready\n']);
    await expect(encrypt(started)).resolves.toMatchObject({ status: 500 });
    await expect(states()).resolves.toEqual([503, 503, 'no-audit\n']);
    await sleep(1_500);
    await expect(states()).resolves.toEqual([503, 503, 'no-audit\n']);
    renameSync(`${directory}-gone`, directory);
    await expect.poll(states, { timeout: 5_000 }).toEqual([200, 200, 'ready\n']);
    expect(recordsIn(directory).at(-1)).toMatchObject({ event: 'records-lost', count: 1 });
    await expect(encrypt(started)).resolves.toMatchObject({ status: 200 });
    expect(started.logLines().filter(({ event }) => event === 'audit-failed')).toHaveLength(1);
    expect((await verifyAudit([directory]))[0]?.findings).toEqual([]);
  });

  it('is not continued while records are missing at its end', async () => {
    const directory = join(temporaryFolder(), 'audit');
    const started = await start(directory, 'required = true\nfsync = "never"');
    for (let call = 0; call < 7; call += 1) await encrypt(started);
    const [name = ''] = auditFilesIn(directory);
    const file = join(directory, name);
    const intact = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      intact
        .split(/(?<=\n)/)
        .slice(0, 2)
        .join(''),
    );
    for (let call = 0; call < 3; call += 1)
      await expect(encrypt(started)).resolves.toMatchObject({ status: 500 });
    expect(recordsIn(directory)).toHaveLength(2);
    // The log has what is missing.
    const head = started.logLines().findLast(({ event }) => event === 'audit-head');
    expect(head).toMatchObject({ sequence: 8 });
    writeFileSync(file, intact);
    await expect(encrypt(started)).resolves.toMatchObject({ status: 200 });
    expect((await verifyAudit([directory]))[0]).toMatchObject({ records: 10, findings: [] });
  });

  it('is refused to another process, and free again when the proxy is closed', async () => {
    const directory = temporaryFolder();
    const started = await start(directory);
    const config = {
      directory,
      chain: 'audit',
      maxFileBytes: 1 << 20,
      fsync: 'never',
      required: true,
    } as const;
    const open = () => openAuditTrail(config, createLog(undefined));
    await expect(open()).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await started.close();
    proxy = undefined;
    await (await open()).close();
  });

  it('has no record of a proxy that could not listen', async () => {
    const directory = temporaryFolder();
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const address = other.address();
    if (address === null || typeof address === 'string') expect.unreachable();
    const started = startTestProxy((toml) =>
      `${toml}\n[audit]\ndirectory = ${JSON.stringify(directory)}`.replace(
        'port = 0',
        `port = ${address.port}`,
      ),
    );
    await expect(started).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    expect(recordsIn(directory)).toEqual([]);
  });

  it('holds up nobody when it is not required, and the log tells of its failure', async () => {
    const directory = join(temporaryFolder(), 'audit');
    const started = await start(directory);
    await expect.poll(() => recordsIn(directory).length).toBe(1);
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    // As if it were full: the next file cannot be made, nor the last one be continued.
    writeFileSync(join(directory, 'audit-00000001.jsonl'), '{"forged":true}\n');
    const failures = () => started.logLines().filter(({ event }) => event === 'audit-failed');
    await expect(encrypt(started)).resolves.toMatchObject({ status: 200 });
    await expect(encrypt(started)).resolves.toMatchObject({ status: 200 });
    await expect.poll(() => failures().length).toBe(1);
  });

  it('goes on until the next start when a configuration has none any more', async () => {
    const directory = temporaryFolder();
    const started = await start(directory);
    await started.reload((toml) => toml);
    await expect(encrypt(started)).resolves.toMatchObject({ status: 200 });
    await expect
      .poll(() => recordsIn(directory).map(({ event }) => event))
      .toEqual(['started', 'reloaded', 'request']);
  });

  it('is not continued when it is broken, and the error says what to do', async () => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'audit-00000001.jsonl'), '{"forged":true}\n');
    const started = start(directory);
    await expect(started).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await expect(started).rejects.toThrow(BROKEN_CHAIN_REMEDY);
  });

  it('has to be there at the start', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    await expect(start(join(file, 'audit'))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
  });
});

describe('a trail that cannot keep up', () => {
  it('refuses records over a bound, and has their number, and those that take too long', async () => {
    const config = {
      directory: temporaryFolder(),
      chain: 'audit',
      maxFileBytes: 1 << 20,
      fsync: 'always',
    } as const;
    const trail = await openAuditTrail({ ...config, required: true }, createLog(undefined));
    const late = trail.append('request', () => ({}), 0);
    // Meanwhile the time is over: timers come before what a disk has answered.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    await expect(late).rejects.toThrow('too long');
    const many = await Promise.allSettled(
      Array.from({ length: 10_500 }, () => trail.append('request', () => ({}), 20_000)),
    );
    const refused = many.filter(({ status }) => status === 'rejected').length;
    expect(refused).toBeGreaterThan(0);
    await trail.close();
    const lost = recordsIn(config.directory).filter(({ event }) => event === 'records-lost');
    expect(lost).toEqual([expect.objectContaining({ count: refused })]);
    expect((await verifyAudit([config.directory]))[0]?.findings).toEqual([]);
  });
});
