import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { findModule } from '@holdfast/pkcs11/testing';
import { isRecord } from '@holdfast/testbed/json';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { runCommandHere as command } from '../fixtures/command.ts';
import { REGION, startTestProxy, type TestProxy } from '../fixtures/proxy.ts';

describe.skipIf(findModule() === undefined)('xks-proxy conformance', () => {
  let proxy: TestProxy | undefined;
  beforeAll(async () => {
    proxy = await startTestProxy();
    writeFileSync(join(proxy.directory, 'ca.pem'), proxy.ca);
  });
  afterAll(() => proxy?.close());

  const run = (changes: Readonly<Record<string, string>> = {}, ...flags: readonly string[]) => {
    if (proxy === undefined) throw new Error('the proxy did not start');
    const options = {
      '--endpoint': 'https://localhost',
      '--connect-to': `127.0.0.1:${proxy.port}`,
      '--ca': join(proxy.directory, 'ca.pem'),
      '--path-prefix': '/acme',
      '--region': REGION,
      '--access-key-id': proxy.credentials.acme.accessKeyId,
      '--secret-access-key-file': join(proxy.directory, 'acme.secret'),
      '--key': 'orders',
      ...changes,
    };
    return command('conformance', ...Object.entries(options).flat(), ...flags);
  };

  test('finds that the proxy conforms, and tells what it could not look at', async () => {
    const { status, stdout, stderr } = await run({ '--disabled-key': 'disabled' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).not.toContain('FAIL');
    expect(stdout).toContain('needs the id of a key that only encrypts');
    expect(stdout).not.toContain('needs the id of a disabled key');
    expect(stdout).toMatch(/, 0 MUST failed, 0 SHOULD failed, [1-9]\d* not run:/);
  });

  test('reports as JSON what the proxy did instead, with exit status 1', async () => {
    const { status, stdout } = await run({ '--key': 'disabled' }, '--json');
    expect(status).toBe(1);
    const report: unknown = JSON.parse(stdout);
    if (!isRecord(report) || !Array.isArray(report['checks'])) return expect.unreachable();
    expect(report['endpoint']).toBe('https://localhost/acme/kms/xks/v1');
    const name = 'takes 4300 bytes of plaintext with 8192 bytes of additional data';
    const failed = report['checks'].filter(isRecord).find((check) => check['name'] === name);
    expect(failed).toMatchObject({ section: 'Encrypt', level: 'MUST', outcome: 'fail' });
    expect(failed?.['evidence']).toContain('InvalidStateException');
    expect(report['checks']).toContainEqual({
      name: 'fails a request without an Authorization header',
      section: 'Appendix A',
      level: 'MUST',
      outcome: 'pass',
      evidence: 'answers: 4 × 401',
    });
  });

  test('reports nothing about an endpoint that is not there', async () => {
    const { status, stdout, stderr } = await run({ '--connect-to': '127.0.0.1:1' });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('ECONNREFUSED');
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['a region', { '--region': 'us-east-1' }],
    ['a path prefix', { '--path-prefix': '/nobody' }],
    ['a credential', { '--access-key-id': 'NOBODYNOBODYNOBODYNO' }],
    ['a key', { '--key': 'nothing' }],
  ])('does not examine a proxy that does not know %s, with exit status 2', async (_title, changes) => {
    const { status, stdout, stderr } = await run(changes);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/ 40[134] .*\n$/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('examines a proxy with a policy as one whom it allows the key, and no proxy that denies it', async () => {
    if (proxy === undefined) throw new Error('the proxy did not start');
    const [principal, keyArn] = [
      'arn:aws:iam::111122223333:role/app',
      'arn:aws:kms:eu-north-1:111122223333:key/1',
    ];
    const rules = [
      `{ name = "cipher", effect = "allow", principals = ["${principal}"], key_arns = ["${keyArn}"] }`,
      `{ name = "create", effect = "allow", principals = ["${principal}"], operations = ["CreateKey"] }`,
      '{ name = "others", effect = "deny", external_key_ids = ["decrypt-only"] }',
    ];
    onTestFinished(() => proxy?.reload((toml) => toml));
    await proxy.reload((toml) =>
      toml.replace(
        'path_prefix = "/acme"',
        `path_prefix = "/acme"\npolicy = { rules = [${rules.join(', ')}] }`,
      ),
    );
    const allowed = { '--principal': principal, '--kms-key-arn': keyArn };
    const examined = await run(allowed);
    expect(examined).toMatchObject({ status: 0, stderr: '' });
    expect(examined.stdout).toContain('knows no key that it was not given');
    for (const others of [
      {},
      { '--principal': principal },
      { ...allowed, '--decrypt-only-key': 'decrypt-only' },
      { ...allowed, '--disabled-key': 'nothing' },
    ]) {
      const { status, stdout, stderr } = await run(others);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/ 40[34] .*\n$/);
    }
  });

  test('finds that a proxy with a quota conforms', async () => {
    if (proxy === undefined) throw new Error('the proxy did not start');
    onTestFinished(() => proxy?.reload((toml) => toml));
    await proxy.reload((toml) =>
      toml.replace('path_prefix = "/acme"', 'path_prefix = "/acme"\nquota = { requests_per_second = 60 }'),
    );
    const examined = await run();
    expect(examined).toMatchObject({ status: 0, stderr: '' });
    expect(examined.stdout).not.toContain('FAIL');
  });

  test.each([429, 500, 503])('examines a proxy that only ever answers %i', async (status) => {
    const directory = proxy?.directory ?? '';
    const [cert, key] = ['server.pem', 'server.key'].map((name) => readFileSync(join(directory, name)));
    const broken = createServer({ cert, key }, (_incoming, outgoing) => outgoing.writeHead(status).end());
    onTestFinished(() => void broken.close());
    await once(broken.listen(0, '127.0.0.1'), 'listening');
    const address = broken.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const examined = await run({ '--connect-to': `127.0.0.1:${port}` });
    expect(examined).toMatchObject({ status: 1, stderr: '' });
    expect(examined.stdout).toContain('FAIL');
  });

  test('signs for no region of its own choice', async () => {
    const others = ['--endpoint', 'https://localhost', '--access-key-id', 'A', '--key', 'orders'];
    const file = ['--secret-access-key-file', 'package.json'];
    const { status, stdout, stderr } = await command('conformance', ...others, ...file);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('--region');
  });

  test.each([
    ['an endpoint without TLS', { '--endpoint': 'http://localhost' }],
    ['an endpoint with a path', { '--endpoint': 'https://localhost/acme' }],
    ['a file that is not there', { '--ca': 'nowhere.pem' }],
    ['a file without a certificate', { '--ca': 'package.json' }],
    ['a client key that is none', { '--client-key-file': 'package.json' }],
    ['a path prefix without its slash', { '--path-prefix': 'acme' }],
    ['a key value that is none', { '--key-value-file': 'package.json' }],
    ['an external key id with a blank', { '--key': 'a b' }],
    ['a disabled key that has no id', { '--disabled-key': '' }],
    ['a key that only encrypts with a slash', { '--encrypt-only-key': 'a/b' }],
    ['a key that only decrypts of 129 characters', { '--decrypt-only-key': 'a'.repeat(129) }],
    ['an address without a port', { '--connect-to': '127.0.0.1' }],
  ])('refuses %s, with exit status 2', async (_title, changes) => {
    const { status, stdout, stderr } = await run(changes);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(Object.keys(changes)[0]);
  });
});
