import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { XksProxyError } from '../../src/proxy-error.ts';
import { writeTestConfig } from '../fixtures/proxy.ts';

const files = await writeTestConfig();
afterAll(() => files.dispose());
writeFileSync(join(files.directory, 'sesame'), 'sesame\n');
writeFileSync(join(files.directory, 'acme.cedar'), 'permit(principal, action, resource);');
writeFileSync(join(files.directory, 'acme.policy.toml'), 'default = "allow"\n');

const parse = (toml: string) => parseConfig(toml, { baseDirectory: files.directory });
const inStore = (rows: string) => files.toml.replace('path_prefix = "/acme"', (line) => `${line}\n${rows}`);
const inTls = (rows: string) => files.toml.replace('key_file = "server.key"', (line) => `${line}\n${rows}`);
const atEnd = (rows: string) => `${files.toml}\n${rows}`;
/** The places of the problems that a configuration has. */
function problems(toml: string): string[] {
  try {
    parse(toml);
    return [];
  } catch (error) {
    if (!(error instanceof XksProxyError)) throw error;
    return error.message.split('\n').map((line) => line.slice(0, line.indexOf(':')));
  }
}

describe('the sections', () => {
  it('for operators, audit and quotas are absent unless they are given', () => {
    expect(parse(files.toml)).not.toHaveProperty('admin');
    expect(parse(files.toml)).not.toHaveProperty('audit');
    expect(parse(files.toml).stores[0]?.quota).toBeUndefined();
    expect(parse(files.toml).server.tls.clients).toBeUndefined();
  });

  it('are read with their defaults', () => {
    expect(parse(atEnd('[admin]')).admin).toEqual({ host: '127.0.0.1', port: 9464 });
    const directory = join(files.directory, 'trail');
    const audit = { directory, chain: 'audit', maxFileBytes: 67_108_864 };
    expect(parse(atEnd('[audit]\ndirectory = "trail"')).audit).toEqual({
      ...audit,
      required: false,
      fsync: 'interval',
    });
    expect(parse(atEnd('[audit]\ndirectory = "trail"\nrequired = true')).audit).toEqual({
      ...audit,
      required: true,
      fsync: 'always',
    });
    const { redis } = parse(atEnd('[redis]\nurl = "redis://127.0.0.1:6379/1"\npassword_file = "sesame"'));
    expect(redis).toMatchObject({ timeoutMs: 20, whenOut: 'count-alone' });
    expect(redis?.password?.export().toString()).toBe('sesame');
    expect(parse(inStore('quota = { requests_per_second = 5 }')).stores[0]?.quota).toEqual({
      requestsPerSecond: 5,
      isShared: false,
    });
    const clients =
      'client_ca_file = "server.pem"\nclient_common_names = ["cks.kms.eu-north-1.amazonaws.com"]';
    expect(parse(inTls(clients)).server.tls.clients?.commonNames).toHaveLength(1);
  });

  it('may name policies in files, one a store', () => {
    const request = { metadata: {}, externalKeyId: 'orders', now: new Date() };
    for (const row of ['cedar_policy_file = "acme.cedar"', 'policy_file = "acme.policy.toml"']) {
      const read: string[] = [];
      const onRead = (file: string) => void read.push(file);
      const config = parseConfig(inStore(row), { baseDirectory: files.directory, onRead });
      expect(read).toContain(join(files.directory, row.split('"')[1] ?? ''));
      expect(config.stores[0]?.policy.decide(request).isAllowed).toBe(true);
    }
  });

  it.each<[string, string, string[]]>([
    ['a port out of range', atEnd('[admin]\nport = 70000'), ['admin.port']],
    ['an audit trail nowhere', atEnd('[audit]'), ['audit.directory']],
    [
      'an audit trail in tiny files',
      atEnd('[audit]\ndirectory = "x"\nmax_file_bytes = 1'),
      ['audit.max_file_bytes'],
    ],
    ['a chain whose name is a path', atEnd('[audit]\ndirectory = "x"\nchain = "../x"'), ['audit.chain']],
    ['a password in a URL', atEnd('[redis]\nurl = "redis://user:sesame@host"'), ['redis.url']],
    ['no requests', inStore('quota = { requests_per_second = 0 }'), ['stores[0].quota.requests_per_second']],
    [
      'a shared quota without a server',
      inStore('quota = { requests_per_second = 1, shared = true }'),
      ['stores[0].quota.shared'],
    ],
    ['client names without authorities', inTls('client_common_names = ["x"]'), ['server.tls']],
    ['authorities without client names', inTls('client_ca_file = "server.pem"'), ['server.tls']],
    [
      'authorities that are none',
      inTls('client_ca_file = "pin"\nclient_common_names = ["x"]'),
      ['server.tls.client_ca_file'],
    ],
    [
      'two policies',
      inStore('policy_file = "acme.policy.toml"\ncedar_policy_file = "acme.cedar"'),
      ['stores[0]'],
    ],
    [
      'hours that end when they begin',
      inStore('policy = { rules = [{ name = "never", effect = "deny", hours = ["00:00", "00:00"] }] }'),
      ['stores[0].policy.rules[0].hours'],
    ],
    ['a Cedar policy that is none', inStore('cedar_policy_file = "pin"'), ['stores[0].cedar_policy_file']],
    ['a policy file that is none', inStore('policy_file = "acme.cedar"'), ['stores[0].policy_file']],
  ])('may not hold %s', (_title, toml, places) => {
    expect(problems(toml)).toEqual(places);
  });
});
