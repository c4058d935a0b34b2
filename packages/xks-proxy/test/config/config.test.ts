import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { XksProxyError } from '../../src/proxy-error.ts';
import { writeTestConfig } from '../fixtures/proxy.ts';

let files: Awaited<ReturnType<typeof writeTestConfig>>;
beforeAll(async () => {
  files = await writeTestConfig();
});
afterAll(() => files.dispose());

const parse = (toml: string) => parseConfig(toml, { baseDirectory: files.directory });
const changed = (from: string, to: string) => {
  expect(files.toml).toContain(from);
  return files.toml.replace(from, to);
};
/** The places of the problems that a configuration has. */
function problems(toml: string): string[] {
  try {
    parse(toml);
    return [];
  } catch (error) {
    if (!(error instanceof XksProxyError)) throw error;
    expect(error.code).toBe('CONFIG_INVALID');
    return error.message.split('\n').map((line) => line.slice(0, line.indexOf(':')));
  }
}

describe('a configuration', () => {
  it('is read with its defaults', () => {
    expect(parse(files.toml)).toMatchObject({
      server: { host: '127.0.0.1', port: 0, timeoutMs: 200 },
      tokens: [{ name: 'xks-test', selector: { label: 'xks-test' }, calls: 'auto', maxSessions: 16 }],
      health: { fleetSize: 1 },
      stores: [
        { name: 'acme', pathPrefix: '/acme', regions: ['eu-north-1'] },
        { name: 'other', pathPrefix: '' },
      ],
    });
    expect(parse(files.toml).stores[0]?.keys[0]).toEqual({
      externalKeyId: 'orders',
      tokens: undefined,
      versions: [{ version: 1, selector: { label: 'orders' } }],
      usages: ['ENCRYPT', 'DECRYPT'],
      status: 'ENABLED',
      acceptReferenceCiphertext: false,
    });
  });

  it('prints and serialises without its secrets', () => {
    const config = parse(files.toml);
    const text = inspect(config, { depth: 20 }) + JSON.stringify(config);
    for (const secret of [files.pin, files.credentials.acme.secretAccessKey])
      expect(text).not.toContain(secret);
    expect(text).not.toContain('BEGIN PRIVATE KEY');
  });

  it('keeps a secret to the last character, but for the end of the line', () => {
    writeFileSync(join(files.directory, 'pin'), `${files.pin} \r\n`);
    expect(parse(files.toml).tokens[0]?.pin.export().toString()).toBe(`${files.pin} `);
    writeFileSync(join(files.directory, 'pin'), files.pin);
    expect(parse(files.toml).tokens[0]?.pin.export().toString()).toBe(files.pin);
  });

  it('says of what is missing that it is, here and in the files that it names', () => {
    writeFileSync(join(files.directory, 'partial.toml'), '[[rules]]\nname = "all"\n');
    const message = (toml: string): string => {
      try {
        parse(toml);
        return expect.unreachable();
      } catch (error) {
        return error instanceof XksProxyError ? error.message : String(error);
      }
    };
    expect(message('[server]')).toBe('server.tls: is missing\ntokens: is missing\nstores: is missing');
    const withPolicy = changed(
      'path_prefix = "/acme"',
      'path_prefix = "/acme"\npolicy_file = "partial.toml"',
    );
    expect(message(withPolicy)).toBe('stores[0].policy_file.rules[0].effect: is missing');
    expect(message('stores = 1')).toMatch(/^stores: (?!is missing$)/m);
  });

  it.each<[string, [string, string], string[]]>([
    ['TOML that is none', ['[server]', '[server'], ['line 2, column 8']],
    ['a port out of range', ['port = 0', 'port = 70000'], ['server.port']],
    ['a setting that does not exist', ['port = 0', 'port = 0\nprot = 1'], ['server']],
    ['a certificate that is not there', ['server.pem', 'nothing.pem'], ['server.tls.certificate_file']],
    ['a certificate that is none', ['"server.pem"', '"pin"'], ['server.tls.certificate_file']],
    ['a private key that is none', ['"server.key"', '"pin"'], ['server.tls.key_file']],
    ['a PIN in place of a file', ['pin_file = "pin"', 'pin = "1234"'], ['tokens[0].pin_file', 'tokens[0]']],
    ['neither label nor serial', ['label = "xks-test"', ''], ['tokens[0]']],
    ['both label and serial', ['label = "xks-test"', 'label = "a"\nserial = "b"'], ['tokens[0]']],
    ['no sessions', ['label = "xks-test"', 'label = "a"\nmax_sessions = 0'], ['tokens[0].max_sessions']],
    ['a deadline KMS would not wait for', ['port = 0', 'port = 0\ntimeout_ms = 250'], ['server.timeout_ms']],
    [
      'a short access key id',
      ['"ACMEACMEACMEACMEACME"', '"ACME"'],
      ['stores[0].credentials[0].access_key_id'],
    ],
    [
      'a long access key id',
      ['"ACMEACMEACMEACMEACME"', `"${'A'.repeat(31)}"`],
      ['stores[0].credentials[0].access_key_id'],
    ],
    [
      'an access key id with other characters',
      ['"ACMEACMEACMEACMEACME"', '"ACMEACMEACMEACMEACM1"'],
      ['stores[0].credentials[0].access_key_id'],
    ],
    [
      'an access key id that is taken',
      ['"OTHEROTHEROTHEROTHER"', '"ACMEACMEACMEACMEACME"'],
      ['stores[1].credentials[0].access_key_id'],
    ],
    [
      'a weak secret access key',
      ['"acme.secret"', '"pin"'],
      ['stores[0].credentials[0].secret_access_key_file'],
    ],
    ['a prefix without a slash', ['"/acme"', '"acme"'], ['stores[0].path_prefix']],
    ['a prefix with a slash at its end', ['"/acme"', '"/acme/"'], ['stores[0].path_prefix']],
    ['a prefix with a pattern in it', ['"/acme"', '"/:acme*"'], ['stores[0].path_prefix']],
    ['a prefix over 117 characters', ['"/acme"', `"/${'a'.repeat(117)}"`], ['stores[0].path_prefix']],
    ['a prefix that is taken', ['path_prefix = ""', 'path_prefix = "/acme"'], ['stores[1].path_prefix']],
    ['a store name that is taken', ['"other"', '"acme"'], ['stores[1].name']],
    ['a region that is none', ['regions = ["eu-north-1"]', 'regions = ["*"]'], ['stores[0].regions[0]']],
    ['no region', ['regions = ["eu-north-1"]', 'regions = []'], ['stores[0].regions']],
    [
      'an external key id that is taken',
      ['"encrypt-only"', '"orders"'],
      ['stores[0].keys[1].external_key_id'],
    ],
    ['an external key id with a slash', ['"encrypt-only"', '"a/b"'], ['stores[0].keys[1].external_key_id']],
    [
      'an external key id that is a dot segment',
      ['"encrypt-only"', '".."'],
      ['stores[0].keys[1].external_key_id'],
    ],
    ['a usage that does not exist', ['["ENCRYPT"]', '["SIGN"]'], ['stores[0].keys[1].usages[0]']],
    ['a status that does not exist', ['"DISABLED"', '"OFF"'], ['stores[0].keys[3].status']],
  ])('with %s is refused, with its place', (_title, [from, to], places) => {
    expect(problems(changed(from, to))).toEqual(places);
  });

  it('with several problems lists them all', () => {
    const toml = changed('port = 0', 'port = -1')
      .replace('"pin"', '"no pin"')
      .replace('"acme.secret"', '"none"');
    expect(problems(toml)).toEqual([
      'server.port',
      'tokens[0].pin_file',
      'stores[0].credentials[0].secret_access_key_file',
    ]);
  });

  it('may hold the longest prefix and the longest external key id, but not both', () => {
    const longPrefix = `"/${'p'.repeat(116)}"`;
    const longId = `"${'k'.repeat(128)}"`;
    expect(problems(changed('"/acme"', longPrefix))).toEqual([]);
    expect(problems(changed('"encrypt-only"', longId))).toEqual([]);
    expect(problems(changed('"/acme"', longPrefix).replace('"encrypt-only"', longId))).toEqual([
      'stores[0].keys[1].external_key_id',
    ]);
  });

  it.each(['eusc-de-east-1', 'us-gov-west-1', 'us-isob-east-1', 'cn-north-1', 'ap-southeast-10'])(
    'takes the region %s',
    (region) => {
      expect(problems(changed('regions = ["eu-north-1"]', `regions = ["${region}"]`))).toEqual([]);
    },
  );

  it('with rows that lack their names has no false line about names that are taken', () => {
    const nameless = files.toml.replaceAll(/^name = .*$/gm, '');
    expect(problems(nameless)).toEqual(['stores[0].name', 'stores[1].name']);
  });

  it('with a certificate that no TLS server can use is refused, with its place', () => {
    const certificate = readFileSync(join(files.directory, 'server.pem'), 'utf8');
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    writeFileSync(join(files.directory, 'broken.pem'), certificate + broken);
    expect(problems(changed('server.pem', 'broken.pem'))).toEqual(['server.tls.certificate_file']);
    rmSync(join(files.directory, 'broken.pem'));
  });

  it('with a certificate that has expired is read by commands that serve nothing', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 40 * 24 * 3_600_000 });
    try {
      expect(problems(files.toml)).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('with a private key of another certificate is refused', async () => {
    const authority = await createCertificateAuthority();
    const { keyPem } = await authority.issue({ commonName: 'other', dnsNames: ['other'] });
    writeFileSync(join(files.directory, 'other.key'), keyPem);
    expect(problems(changed('server.key', 'other.key'))).toEqual(['server.tls']);
    rmSync(join(files.directory, 'other.key'));
  });

  it('with a secret where it should not be is refused without repeating it', () => {
    const toml = changed('port = 0', 'port = 0\nsecret = "hunter2hunter2"\nbroken = ');
    expect(() => parse(toml)).toThrow(expect.not.stringContaining('hunter2'));
    const valid = changed('port = 0', 'port = "hunter2hunter2"');
    expect(() => parse(valid)).toThrow(expect.not.stringContaining('hunter2'));
  });
});
