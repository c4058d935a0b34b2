import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { destroyKeys, importAesKey } from '@holdfast/pkcs11/testing';
import { type CertificateAuthority, createCertificateAuthority } from '@holdfast/testbed/certificates';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openChain } from '../../src/audit/chain.ts';
import { lockChain } from '../../src/audit/chain-lock.ts';
import { openCountsDirectory } from '../../src/budget/counts-directory.ts';
import { loadConfig } from '../../src/config/load.ts';
import { examineCalls } from '../../src/doctor/calls.ts';
import { diagnose } from '../../src/doctor/diagnose.ts';
import type { Finding } from '../../src/doctor/findings.ts';
import { examineSettings } from '../../src/doctor/settings.ts';
import { startProxy } from '../../src/server.ts';
import { REGION, writeTestConfig } from '../fixtures/proxy.ts';
import { secondToken } from '../fixtures/store-files.ts';

let files: Awaited<ReturnType<typeof writeTestConfig>>;
let authority: CertificateAuthority;
let serverCertificate: { certificatePem: string; keyPem: string };
beforeAll(async () => {
  files = await writeTestConfig();
  destroyKeys(files.token, { label: 'decrypt-only' });
  importAesKey(files.token, { label: 'health', value: randomBytes(32) });
  authority = await createCertificateAuthority();
  const server = await authority.issue({ commonName: 'xks', dnsNames: ['xks.example.com', 'localhost'] });
  serverCertificate = {
    ...server,
    certificatePem: `${server.certificatePem}\n${authority.certificatePem}\n`,
  };
});
afterAll(() => files.dispose());

const file = (name: string) => join(files.directory, name);
const write = (name: string, text: string) => {
  writeFileSync(file(name), text);
  chmodSync(file(name), 0o600);
};
/** A configuration without faults, as far as that is possible for a trial on one machine. */
const sound = () => `
[iv_budget]
state_dir = "state"
[server]
[server.tls]
certificate_file = "server.pem"
key_file = "server.key"
[[tokens]]
module = ${JSON.stringify(files.token.modulePath)}
label = "xks-test"
pin_file = "pin"
calls = "inline"
health_key_label = "health"
[[stores]]
name = "acme"
path_prefix = "/acme"
regions = ["${REGION}"]
[[stores.credentials]]
access_key_id = "${files.credentials.acme.accessKeyId}"
secret_access_key_file = "acme.secret"
[[stores.keys]]
external_key_id = "orders"
label = "orders"
`;
const change = (from: string, to: string) => {
  expect(sound()).toContain(from);
  write('config.toml', sound().replace(from, to));
};
/** Replaces a file by a link to itself, which not even root can follow. */
const loop = (name: string) => {
  rmSync(file(name));
  symlinkSync(file(name), file(name));
  onTestFinished(() => rmSync(file(name)));
};
const count = (name: string, used: number) =>
  openCountsDirectory(file('state')).counts.write(new Map([[name, used]]));
const damageCounts = (text: string) => {
  mkdirSync(file('state'));
  write('state/iv-counts_closed_aa.json', text);
};
/** Makes a trail whose last record is damaged. */
const breakTrail = (name: string) => {
  mkdirSync(file('state/trail'), { recursive: true });
  write(join('state/trail', name), '{"forged":true}\n');
  change('[[tokens]]', '[audit]\ndirectory = "state/trail"\n[[tokens]]');
};
const withKey = (lines: string) =>
  write('config.toml', `${sound()}[[stores.keys]]\nexternal_key_id = "bad"\n${lines}\n`);

beforeEach(() => {
  rmSync(file('state'), { recursive: true, force: true });
  write('config.toml', sound());
  write('pin', `${files.pin}\n`);
  write('server.pem', serverCertificate.certificatePem);
  write('server.key', serverCertificate.keyPem);
});

async function findings(endpoint?: URL): Promise<readonly Finding[]> {
  return diagnose({ configFile: files.configFile, endpoint });
}
/** Stops the clock that times calls and tokens: it goes on as a test says, whatever the load of the machine. */
const stopClock = () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
};
const audited = async () => {
  change('[[tokens]]', '[audit]\ndirectory = "state/trail"\n[[tokens]]');
  return (await findings()).filter(({ code }) => code.startsWith('audit'));
};
const bad = (found: readonly Finding[]) =>
  found.filter(({ level }) => level !== 'ok').map(({ code }) => code);

describe('doctor', () => {
  beforeEach(stopClock);

  it('finds nothing but the private authority in a configuration for a trial', async () => {
    const found = await findings();
    expect(bad(found)).toEqual(['certificate-untrusted']);
    expect(found.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['config-read', 'token-open', 'round-trip-done', 'key-usable', 'call-answered']),
    );
  });

  it('has nothing against folders that the proxy makes itself', async () => {
    change('"state"', '"var/lib/state"\n[audit]\ndirectory = "var/log/trail"');
    expect(bad(await findings())).toEqual(['certificate-untrusted']);
  });

  it('takes the time of each credential for itself', async () => {
    const another = `[[stores.credentials]]\naccess_key_id = "${files.credentials.acmeNext.accessKeyId}"\nsecret_access_key_file = "acmeNext.secret"\n`;
    change('[[stores.keys]]', `${another}[[stores.keys]]`);
    const { certificatePem: cert, keyPem: key } = serverCertificate;
    const endpoint = await answering({ cert, key }, 200, { takesMs: 200 });
    const calls = (await findings(endpoint))
      .map(({ code }) => code)
      .filter((code) => code.startsWith('call'));
    expect(calls).toEqual(['call-answered', 'call-answered']);
  });
});

describe('doctor, where something is wrong,', () => {
  const labels = ['double', 'short', 'exposed', 'imported', 'one-way'];
  beforeAll(() => {
    for (const value of [1, 2])
      importAesKey(files.token, { label: 'double', value: Buffer.alloc(32, value) });
    importAesKey(files.token, { label: 'short', value: Buffer.alloc(16, 3) });
    importAesKey(files.token, { label: 'exposed', value: Buffer.alloc(32, 4), exposed: true });
    importAesKey(files.token, { label: 'imported', id: Buffer.of(5, 5), value: Buffer.alloc(32, 5) });
    importAesKey(files.token, { label: 'one-way', value: Buffer.alloc(32, 6), usages: ['ENCRYPT'] });
  });
  afterAll(() => {
    for (const label of labels) destroyKeys(files.token, { label });
  });

  it.each<[code: Finding['code'], seed: () => void]>([
    ['config-invalid', () => change('regions = [', 'region = [')],
    ['config-invalid', () => rmSync(file('pin'))],
    ['config-invalid', () => loop('pin')],
    ['secret-exposed', () => chmodSync(file('pin'), 0o644)],
    ['secret-exposed', () => chmodSync(file('server.key'), 0o640)],
    ['file-writable', () => chmodSync(file('config.toml'), 0o622)],
    ['module-unusable', () => change(files.token.modulePath, '/usr/lib/no-module.so')],
    ['token-absent', () => change('label = "xks-test"', 'label = "other"')],
    ['pin-refused', () => write('pin', 'wrong')],
    ['iv-mode-wrong', () => change('calls = "inline"', 'calls = "inline"\niv = "appended"')],
    ['threads-few', () => change('calls = "inline"', 'calls = "threadpool"')],
    ['health-key-unset', () => change('health_key_label = "health"\n', '')],
    ['health-key-missing', () => change('= "health"', '= "none"')],
    ['health-key-shared', () => change('= "health"', '= "orders"')],
    ['key-missing', () => withKey('label = "none"')],
    ['key-ambiguous', () => withKey('label = "double"')],
    ['key-unsuitable', () => withKey('label = "short"')],
    [
      'key-named-twice',
      () => withKey('label = "imported"\n[[stores.keys]]\nexternal_key_id = "twin"\nid = "0505"'),
    ],
    ['key-exposed', () => withKey('label = "exposed"')],
    ['key-imported', () => withKey('label = "imported"')],
    ['key-usages-missing', () => withKey('label = "one-way"')],
    ['key-single-usage', () => withKey('label = "one-way"\nusages = ["ENCRYPT"]')],
    ['key-orphaned', () => write('config.toml', sound())],
    ['budget-uncounted', () => change('state_dir = "state"\n', '')],
    ['budget-unwritable', () => change('"state"', '"pin"')],
    ['budget-unreadable', () => damageCounts('{"label orders":')],
    ['budget-unreadable', () => damageCounts('')],
    ['budget-half-used', () => count('label orders', 2 ** 31)],
    ['rotation-impossible', () => change('state_dir = "state"', 'state_dir = "state"\nat_limit = "rotate"')],
    ['timeout-long', () => change('[server]\n', '[server]\ntimeout_ms = 240\n')],
    ['admin-exposed', () => change('[[tokens]]', '[admin]\nhost = "0.0.0.0"\n[[tokens]]')],
    ['audit-unwritable', () => change('[[tokens]]', '[audit]\ndirectory = "pin/trail"\n[[tokens]]')],
    ['audit-broken', () => breakTrail('audit-00000001.jsonl')],
    ['audit-broken', () => breakTrail('audit.w2-00000003.jsonl')],
    ['store-keyless', () => change('[[stores.keys]]\nexternal_key_id = "orders"\nlabel = "orders"\n', '')],
    ['credential-old', () => change('.secret"\n', '.secret"\ncreated = 2020-01-01T00:00:00Z\n')],
    ['certificate-incomplete', () => write('server.pem', leafOf(serverCertificate.certificatePem))],
  ])('finds %s, and says what to do', async (code, seed) => {
    seed();
    const found = (await findings()).filter((finding) => finding.code === code);
    expect(found).not.toEqual([]);
    for (const { remedy, level } of found) {
      expect(remedy).not.toBe('');
      expect(['warning', 'failure']).toContain(level);
    }
  });

  it('has nothing against a trail that ends as a crash or its process leaves it, or of another chain', async () => {
    const [directory, maxFileBytes] = [file('state/trail'), 1];
    const chain = await openChain({ directory, chain: 'audit', maxFileBytes });
    for (const _time of [1, 2]) await chain.append([{ event: 'started' }]);
    await chain.close();
    write('state/trail/audit-00000003.jsonl', '{"half');
    const unlock = await lockChain({ directory, chain: 'audit' });
    onTestFinished(unlock);
    const codes = (await audited()).map(({ code, level }) => [code, level]);
    expect(codes).toEqual([['audit-in-use', 'ok']]);
    breakTrail('other-00000001.jsonl');
    expect((await audited()).map(({ code }) => code)).toEqual(['audit-in-use']);
  });

  it('offers a wrong PIN once', async () => {
    write('pin', 'wrong');
    const found = await findings();
    expect(bad(found).filter((code) => code.startsWith('pin'))).toEqual(['pin-refused']);
    expect(found.map(({ code }) => code)).not.toContain('call-answered');
    expect(JSON.stringify(found)).not.toContain('wrong"');
  });

  it('has nobody destroy a key that no store of this configuration knows', async () => {
    const orphans = (await findings()).filter(({ code }) => code === 'key-orphaned');
    const remedies = new Set(orphans.map(({ remedy }) => remedy));
    expect([...remedies]).toEqual([expect.stringContaining('keys link NAME --next-version')]);
    expect([...remedies].join()).not.toContain('destroy');
  });

  it('finds a rotation impossible where the folder of the keys file cannot be written, and only there', () => {
    change('state_dir = "state"', 'at_limit = "rotate"');
    const config = loadConfig(files.configFile);
    const found = (keysFile: string) => {
      const codes: string[] = [];
      const stores = config.stores.map((store) => ({ ...store, keysFile }));
      examineSettings({ ...config, stores }, (code) => void codes.push(code));
      return codes.includes('rotation-impossible');
    };
    // Not even root can make a file below one.
    expect([found(file('acme.keys.toml')), found(file('pin/acme.keys.toml'))]).toEqual([false, true]);
  });

  it('finds a lock that was left behind', async () => {
    change('path_prefix', 'keys_file = "acme.keys.toml"\npath_prefix');
    write('acme.keys.toml', '');
    write('acme.keys.toml.lock', '');
    expect(bad(await findings())).toContain('lock-left');
  });

  it.each([
    [3, 'certificate-expires-soon'],
    [15, 'certificate-expires'],
  ])('finds a certificate that has %d days left', async (days, code) => {
    vi.useFakeTimers({ now: Date.now() + (30 - days) * 86_400_000, toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    expect(bad(await findings())).toContain(code);
  });

  it('finds that the certificate is not for the name that KMS calls, and that nobody answers there', async () => {
    const found = bad(await findings(new URL('https://127.0.0.1:1')));
    expect(found).toEqual(expect.arrayContaining(['certificate-name', 'endpoint-unreachable']));
  });

  it('finds that a proxy which wants client certificates cannot be tried where it runs', async () => {
    write('clients.pem', serverCertificate.certificatePem);
    change(
      'key_file = "server.key"',
      'key_file = "server.key"\nclient_ca_file = "clients.pem"\nclient_common_names = ["kms"]',
    );
    const config = loadConfig(files.configFile);
    const proxy = await startProxy({ ...config, server: { ...config.server, port: 0 } });
    onTestFinished(() => proxy.close());
    const found = bad(await findings(new URL(`https://localhost:${proxy.port}`)));
    expect(found).toContain('call-untried');
    expect(found).not.toContain('endpoint-unreachable');
  });

  it('finds what is wrong with the certificate that an endpoint serves in place of the one in the file', async () => {
    const server = await authority.issue({ commonName: 'other', dnsNames: ['wrong.example'] });
    const endpoint = await answering({ cert: server.certificatePem, key: server.keyPem }, 200);
    const found = (await findings(endpoint)).filter(({ subject }) => /certificate/.test(subject));
    expect(found.map(({ code, subject }) => [code, subject])).toEqual([
      ['certificate-untrusted', 'certificate'],
      ['certificate-name', 'served certificate'],
      ['certificate-incomplete', 'served certificate'],
    ]);
  });

  it.each([
    ['call-refused', 403, {}],
    ['call-slow', 200, { takesMs: 251 }],
    ['clock-drifting', 200, { skewMs: 60_000 }],
    ['clock-skewed', 200, { skewMs: 400_000 }],
  ])('finds %s at an endpoint', async (code, status, manner) => {
    stopClock();
    const { certificatePem: cert, keyPem: key } = serverCertificate;
    expect(bad(await findings(await answering({ cert, key }, status, manner)))).toContain(code);
  });

  it.each([
    ['comes drop by drop', 100, 1],
    ['has no end', 10_000, 65_536],
  ])('finds an endpoint unreachable whose answer %s', async (_title, timeoutMs, length) => {
    const { certificatePem: cert, keyPem: key } = serverCertificate;
    const endpoint = await endpointOf({ cert, key }, (_incoming, outgoing) => {
      const drip = setInterval(() => outgoing.write(Buffer.alloc(length)), 10);
      outgoing.on('close', () => clearInterval(drip));
    });
    const codes: string[] = [];
    await examineCalls(loadConfig(files.configFile), endpoint, (code) => codes.push(code), timeoutMs);
    expect(codes).toContain('endpoint-unreachable');
  });
});

/** An endpoint that gives the same answer to all requests, and moves the stopped clock by the time that this takes. */
async function answering(
  tls: { cert: string; key: string },
  status: number,
  { skewMs = 0, takesMs = 0 }: { skewMs?: number; takesMs?: number } = {},
): Promise<URL> {
  return endpointOf(tls, (_incoming, outgoing) => {
    if (takesMs > 0) vi.advanceTimersByTime(takesMs);
    outgoing.writeHead(status, { date: new Date(Date.now() - skewMs).toUTCString() });
    outgoing.end('{"errorName":"AccessDeniedException"}');
  });
}

async function endpointOf(tls: { cert: string; key: string }, listener: RequestListener): Promise<URL> {
  const server = createServer(tls, listener);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return new URL(`https://localhost:${typeof address === 'object' ? address?.port : undefined}`);
}

describe('doctor, with two tokens of a cluster,', () => {
  let second: ReturnType<typeof secondToken>;
  beforeAll(() => {
    second = secondToken(files.token);
    write('second.pin', second.pin);
    for (const label of ['orders', 'health', 'health-2'])
      importAesKey(second, { label, value: randomBytes(32) });
  });
  const withSecond = (toml: string) => {
    const table = `[[tokens]]\nmodule = "${second.modulePath}"\nlabel = "second"\npin_file = "second.pin"\nhealth_key_label = "health-2"\n`;
    write('config.toml', toml.replace('[[stores]]', `${table}[[stores]]`));
  };

  it('finds different keys of the same name', async () => {
    withSecond(sound());
    expect(bad(await findings())).toContain('keys-differ');
  });

  it('finds no orphans in the keys that the other one is used for', async () => {
    withSecond(`${sound()}tokens = ["xks-test"]\n`);
    expect(bad(await findings())).not.toContain('key-orphaned');
  });

  it.each(['first', 'second'])('finds one that only the %s has missing, and not different', async (on) => {
    const label = `only on the ${on}`;
    importAesKey(on === 'first' ? files.token : second, { label, value: randomBytes(32) });
    withSecond(sound().replaceAll('label = "orders"', `label = "${label}"`));
    const codes = bad(await findings());
    expect(codes).toContain('key-missing');
    expect(codes).not.toContain('keys-differ');
  });
});

const leafOf = (chain: string) => chain.slice(0, chain.indexOf('-----END CERTIFICATE-----') + 25);
