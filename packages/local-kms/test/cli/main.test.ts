import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  CreateCustomKeyStoreCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
import { commandLine } from '@holdfast/testbed/command-line';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { runHere } from '../../../../tools/vitest/run-here.ts';
import { clientAuthority } from '../../../xks-proxy/test/fixtures/client-certificates.ts';
import { runProgram } from '../../src/cli/program.ts';
import { keyStoreInput, refusal } from '../fixtures/kms.ts';
import { startTestProxy } from '../fixtures/proxy.ts';

const line = z.object({ value: z.string() });
const record = z.looseObject({ time: z.iso.datetime(), event: z.string(), url: z.string().optional() });

function run(...args: readonly string[]) {
  const child = spawn(process.execPath, [...commandLine('local-kms'), ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    nextRecord: async () => record.parse(JSON.parse(line.parse(await lines.next()).value)),
  };
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

describe('local-kms serve', () => {
  test('serves, logs JSON lines and ends with status 0 on SIGTERM', async () => {
    const clients = await clientAuthority();
    const tls = { requestCert: true, rejectUnauthorized: true, ca: clients.certificatePem };
    const proxy = await startTestProxy('proxy.example', { tls });
    onTestFinished(() => proxy.close());
    const directory = mkdtempSync(join(tmpdir(), 'local-kms-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const certificates = join(directory, 'ca.pem');
    writeFileSync(certificates, proxy.certificate);
    const args = [
      '--port',
      '0',
      '--region',
      'eu-west-1',
      '--account',
      '444455556666',
      '--xks-timeout',
      '10000',
    ];
    const seed = join(directory, 'seed.yaml');
    writeFileSync(seed, 'keys:\n  - aliases: [alias/seeded]\n');
    const seedArgs = ['--seed', seed, '--id-seed', 'tests'];
    const { cert, key } = await clients.issue(['cks.kms.eu-west-1.amazonaws.com']);
    const [certFile, keyFile] = [join(directory, 'client.pem'), join(directory, 'client.key')];
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key);
    const clientArgs = ['--xks-client-cert', certFile, '--xks-client-key', keyFile];
    const proxyArgs = [
      '--xks-host',
      `${proxy.host}=${proxy.address}`,
      '--xks-ca',
      certificates,
      ...clientArgs,
    ];
    const { child, nextRecord } = run('serve', ...args, ...proxyArgs, ...seedArgs);
    const { event, url, ...banner } = await nextRecord();
    expect(event).toBe('listening');
    expect(banner).toMatchObject({ notice: 'for development and tests only' });

    const credentials = { accessKeyId: 'tests', secretAccessKey: 'tests' };
    const client = new KMSClient({ region: 'eu-west-1', endpoint: url ?? '', credentials });
    await client.send(new DescribeKeyCommand({ KeyId: 'alias/seeded' }));
    expect(await nextRecord()).toMatchObject({ operation: 'DescribeKey' });
    const { KeyMetadata } = await client.send(new CreateKeyCommand());
    expect(KeyMetadata?.Arn).toContain(':eu-west-1:444455556666:');
    expect(await nextRecord()).toMatchObject({
      event: 'request',
      operation: 'CreateKey',
      keyId: KeyMetadata?.Arn,
    });
    const create = new CreateCustomKeyStoreCommand(keyStoreInput(proxy));
    expect(await refusal(client.send(create))).toBe('no exception');

    child.kill('SIGTERM');
    expect(await exitCode(child)).toBe(0);
    client.destroy();
  });

  test.each(
    [
      ['--port', 'https'],
      ['--region', 'Stockholm'],
      ['--xks-host', 'proxy.example'],
      ['--xks-ca', '/nowhere/ca.pem'],
      ['--xks-timeout', '60001'],
      ['--xks-health-interval', '0'],
      ['--xks-client-cert', 'README.md'],
      ['--xks-client-key', 'README.md'],
      ['--xks-client-cert', 'README.md', '--xks-client-key', 'README.md'],
      ['--seed', '/nowhere/seed.json'],
      ['--seed', 'README.md'],
      ['--port', '65536'],
      ['--port', '0', '--control-port', 'https'],
      ['--port', '0', '--control-port', '65536'],
      ['--colour', 'red'],
    ].map((args) => [args.join(' '), args] as const),
  )('explains itself and ends with status 2: %s', async (_title, args) => {
    const { status, stdout, stderr } = await runHere(runProgram, 'serve', ...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^.+\n$/);
  });

  test('takes resets and moves of the clock at a port of their own, if it is asked to', async () => {
    const { child, nextRecord } = run(
      'serve',
      '--port',
      '0',
      '--control-port',
      '0',
      '--grant-delay',
      '300000',
    );
    const [listening, control] = [await nextRecord(), await nextRecord()];
    expect([listening.event, control.event]).toEqual(['listening', 'control-listening']);
    expect(new URL(control.url ?? '').hostname).toBe('127.0.0.1');
    const client = new KMSClient({
      region: 'us-east-1',
      endpoint: listening.url ?? '',
      credentials: { accessKeyId: 'tests', secretAccessKey: 'tests' },
    });
    const { KeyMetadata } = await client.send(new CreateKeyCommand());
    const headers = { 'content-type': 'application/json' };
    const { status } = await fetch(`${control.url}/reset`, { method: 'POST', headers, body: '{}' });
    expect(status).toBe(204);
    const describe = new DescribeKeyCommand({ KeyId: KeyMetadata?.KeyId ?? '' });
    expect(await refusal(client.send(describe))).toBe('NotFoundException');
    client.destroy();
    child.kill('SIGTERM');
    expect(await exitCode(child)).toBe(0);
  });

  test('explains itself and ends with status 1 when a port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const address = other.address();
    const port = String(typeof address === 'object' ? address?.port : 0);
    for (const ports of [
      ['--port', port],
      ['--port', '0', '--control-port', port],
    ]) {
      const { child } = run('serve', ...ports);
      const errors: string[] = [];
      child.stderr.on('data', (chunk) => errors.push(String(chunk)));
      expect(await exitCode(child)).toBe(1);
      expect(errors.join('')).toMatch(/^.*EADDRINUSE.*\n$/);
    }
  });

  test('stops with status 3 when its log has no reader any more, and says so', async () => {
    const { child, nextRecord } = run('serve', '--port', '0');
    const { url } = await nextRecord();
    const errors: string[] = [];
    child.stderr.on('data', (chunk) => errors.push(String(chunk)));
    child.stdout.destroy();
    await fetch(url ?? '', { method: 'POST' });
    expect(await exitCode(child)).toBe(3);
    expect(errors.join('')).toMatch(/^.*EPIPE.*\n$/);
  });

  test('ends on SIGTERM although a connection stays silent', async () => {
    const { child, nextRecord } = run('serve', '--port', '0');
    const { url } = await nextRecord();
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url ?? '').port) });
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    child.kill('SIGTERM');
    expect(await exitCode(child)).toBe(0);
  });
});

test('local-kms --version tells that of the package', async () => {
  const { status, stdout } = await runHere(runProgram, '--version');
  expect(status).toBe(0);
  const version = stdout.replace(/\n$/, '');
  expect(JSON.parse(readFileSync('packages/local-kms/package.json', 'utf8'))).toMatchObject({ version });
});
