import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { parseKeysDocument } from '../../src/config/keys-document.ts';
import { type Migration, migrate } from '../../src/migrate/migrate.ts';
import { writeTestConfig } from '../fixtures/proxy.ts';
import { codeIn } from '../fixtures/store-files.ts';

const SECRET = 'OnlyForThisTestAndOfTheLengthThatKmsAsksFor00';
const settings = (changes: Readonly<Record<string, string>> = {}) => {
  const text = `
[server]
ip = "0.0.0.0"
port = 443
port_http_ping = 8080
region = "eu-north-1"
service = "kms-xks-proxy"
ciphertext_metadata_b64 = "c3RhdGlj"
[server.tcp_keepalive]
tcp_keepalive_secs = 60
[tracing]
is_stdout_writer_enabled = true
level = "INFO"
[security]
is_sigv4_auth_enabled = true
is_tls_enabled = true
is_mtls_enabled = false
[tls]
tls_cert_pem = "tls/cert.pem"
tls_key_pem = "tls/key.pem"
mtls_client_ca_pem = "tls/ca.pem"
mtls_client_dns_name = "a name"
[[external_key_stores]]
uri_path_prefix = ""
sigv4_access_key_id = ""
sigv4_secret_access_key = ""
xks_key_id_set = ["first"]
[[external_key_stores]]
uri_path_prefix = "/eu/acme"
sigv4_access_key_id = "ACMEACMEACMEACMEACME"
sigv4_secret_access_key = "${SECRET}"
xks_key_id_set = ["orders", "invoices"]
[pkcs11]
session_pool_max_size = 30
session_pool_timeout_milli = 0
session_eager_close = false
user_pin = "98765432"
PKCS11_HSM_MODULE = "/opt/hsm/module.so"
context_read_timeout_milli = 10
[limits]
max_plaintext_in_base64 = 8192
[hsm_capabilities]
can_generate_iv = true
is_zero_iv_required = true
`;
  return Object.entries(changes).reduce((all, [from, to]) => {
    expect(all).toContain(from);
    return all.replace(from, to);
  }, text);
};
const context = {
  token: () => ({ label: 'prod' }),
  resolve: (path: string) => (path.startsWith('/') ? path : `/srv/${path}`),
  stateDirectory: '/var/lib/counts',
};
const configOf = ({ files }: Migration) => files.get('config.toml') ?? expect.unreachable();
/** The configuration as the proxy reads it, with a certificate in place of that of the settings. */
const parsed = async (migration: Migration) => {
  const files = await writeTestConfig();
  onTestFinished(() => files.dispose());
  const { directory } = files;
  const toml = configOf(migration)
    .replace('/srv/tls/cert.pem', 'server.pem')
    .replace('/srv/tls/key.pem', 'server.key');
  const instead = new Map([...migration.files].map(([name, text]) => [`${directory}/${name}`, text]));
  return parseConfig(toml, { baseDirectory: directory, instead });
};
const about = ({ notes }: Migration, place: string) => notes.filter((note) => note.startsWith(`${place}:`));

describe('settings of the Rust sample proxy', () => {
  it('become a configuration that the proxy takes, with keys that accept the ciphertext of before', async () => {
    expect(await parsed(migrate(settings(), context))).toMatchObject({
      server: { host: '0.0.0.0', port: 443 },
      ivBudget: { stateDirectory: '/var/lib/counts' },
      tokens: [{ module: '/opt/hsm/module.so', selector: { label: 'prod' }, iv: 'written', maxSessions: 30 }],
      stores: [
        { name: 'store-1', pathPrefix: '', regions: ['eu-north-1'], keys: [{ externalKeyId: 'first' }] },
        {
          name: 'acme',
          pathPrefix: '/eu/acme',
          credentials: [{ accessKeyId: 'ACMEACMEACMEACMEACME' }],
          keys: [
            {
              externalKeyId: 'orders',
              acceptReferenceCiphertext: true,
              versions: [{ version: 1, selector: { label: 'orders' } }],
            },
            { externalKeyId: 'invoices' },
          ],
        },
      ],
    });
  });

  it('with longer names and more sessions than the proxy takes are cut to what it takes', async () => {
    const long = 'a'.repeat(70);
    const changes = { 'uri_path_prefix = ""': `uri_path_prefix = "/${long}"`, '/eu/acme': `/eu/${long}` };
    const migration = migrate(settings({ ...changes, 'size = 30': 'size = 5000' }), context);
    expect(await parsed(migration)).toMatchObject({
      tokens: [{ maxSessions: 1024 }],
      stores: [
        { name: 'a'.repeat(64), pathPrefix: `/${long}` },
        { name: `${'a'.repeat(62)}-2`, pathPrefix: `/eu/${long}` },
      ],
    });
    expect(about(migration, 'pkcs11.session_pool_max_size')).toHaveLength(1);
  });

  it('with one credential for two stores are refused, with the path prefixes of both', () => {
    const one = { 'sigv4_access_key_id = ""': 'sigv4_access_key_id = "ACMEACMEACMEACMEACME"' };
    const text = settings(one).replace('uri_path_prefix = ""', 'uri_path_prefix = "/us"');
    expect(codeIn(() => migrate(text, context))).toBe('CONFIG_INVALID');
    expect(() => migrate(text, context)).toThrow(/^external_key_stores\.1\..*"\/us".*"\/eu\/acme"/);
    expect(() => migrate(text, context)).not.toThrow(/ACMEACME/);
  });

  it('have their secrets in files of their own, and in no note', () => {
    const migration = migrate(settings(), context);
    const holding = (secret: string) =>
      [...migration.files].filter(([, text]) => text.includes(secret)).map(([name]) => name);
    expect(holding(SECRET)).toEqual(['ACMEACMEACMEACMEACME.secret']);
    expect(holding('98765432')).toEqual(['pin']);
    expect(migration.notes.join()).not.toMatch(new RegExp(`${SECRET}|98765432`));
  });

  it('leave a note for each that has no counterpart, for a store without a credential, and that nothing was counted', () => {
    const migration = migrate(settings({ 'port = 443': 'port = 443\nnew_setting = 1' }), context);
    expect(migration.notes.map((note) => note.slice(0, note.indexOf(':'))).sort()).toEqual([
      'iv_budget',
      'limits',
      'pkcs11.context_read_timeout_milli',
      'pkcs11.session_eager_close',
      'pkcs11.session_pool_timeout_milli',
      'security.is_sigv4_auth_enabled',
      'server.ciphertext_metadata_b64',
      'server.new_setting',
      'server.port_http_ping',
      'server.service',
      'server.tcp_keepalive',
      'store store-1',
      'tls.mtls_client_dns_name',
      'tracing',
    ]);
  });

  it.each([
    ['false', 'false', 'supplied'],
    ['true', 'false', 'appended'],
    ['true', 'true', 'written'],
  ])('can_generate_iv = %s and is_zero_iv_required = %s are iv = %s', (generates, zero, iv) => {
    const migration = migrate(
      settings({
        'can_generate_iv = true': `can_generate_iv = ${generates}`,
        'is_zero_iv_required = true': `is_zero_iv_required = ${zero}`,
      }),
      context,
    );
    expect(configOf(migration)).toContain(`iv = "${iv}"`);
  });

  it.each([
    ['the logger in front of a module become that module', '/opt/pkcs11-logger-x64.so', '/opt/behind.so'],
    [
      'a logger that is not in front keep their module',
      '/opt/pkcs11-logger/module.so',
      '/opt/pkcs11-logger/module.so',
    ],
  ])('with %s, which a note names', (_title, loaded, module) => {
    const logger = `[pkcs11_logger]
PKCS11_LOGGER_LIBRARY_PATH = "/opt/behind.so"
PKCS11_LOGGER_LOG_FILE_PATH = "/var/log/pkcs11"
PKCS11_LOGGER_FLAGS = "0"
[limits]`;
    const asked: string[] = [];
    const token = (path: string) => {
      asked.push(path);
      return { label: 'prod' };
    };
    const text = settings({ '/opt/hsm/module.so': loaded, '[limits]': logger });
    const migration = migrate(text, { ...context, token });
    expect(configOf(migration)).toContain(`module = "${module}"`);
    expect(asked).toEqual([module]);
    const notes = migration.notes.filter((note) => note.startsWith('pkcs11_logger'));
    expect(notes).toEqual([expect.stringContaining(module)]);
  });

  it('with mTLS ask clients for the common name that AWS KMS presents', () => {
    const mtls = settings({ 'is_mtls_enabled = false': 'is_mtls_enabled = true' });
    const certificate = { certificateFile: '/etc/cert.pem', keyFile: '/etc/key.pem' };
    for (const more of [{}, { certificate }]) {
      const config = configOf(migrate(mtls, { ...context, ...more }));
      expect(config).toContain('client_ca_file = "/srv/tls/ca.pem"');
      expect(config).toContain('client_common_names = [ "cks.kms.eu-north-1.amazonaws.com" ]');
    }
    const noAuthority = mtls.replace('mtls_client_ca_pem = "tls/ca.pem"\n', '');
    expect(codeIn(() => migrate(noAuthority, context))).toBe('CONFIG_INVALID');
  });

  it('with mTLS but without TLS leave a note that no client is asked for a certificate', () => {
    const certificate = { certificateFile: '/etc/cert.pem', keyFile: '/etc/key.pem' };
    const text = settings({
      'is_tls_enabled = true': 'is_tls_enabled = false',
      'is_mtls_enabled = false': 'is_mtls_enabled = true',
    });
    const migration = migrate(text, { ...context, certificate });
    expect(configOf(migration)).not.toContain('client_ca_file');
    expect(about(migration, 'security.is_mtls_enabled')).toHaveLength(1);
  });

  it('with a policy in Polar leave a note that it is not in force', () => {
    const polar = { 'is_mtls_enabled = false': 'is_mtls_enabled = false\nsecondary_auth = "Oso"' };
    expect(about(migrate(settings(polar), context), 'security.secondary_auth')).toHaveLength(1);
  });

  it('without TLS need a certificate', () => {
    const plain = settings({ 'is_tls_enabled = true': 'is_tls_enabled = false' });
    expect(codeIn(() => migrate(plain, context))).toBe('CONFIG_INVALID');
    const certificate = { certificateFile: '/etc/cert.pem', keyFile: '/etc/key.pem' };
    expect(configOf(migrate(plain, { ...context, certificate }))).toContain('"/etc/cert.pem"');
  });

  it.each([
    ['no TOML', 'user_pin = 98765432 98765432'],
    ['no settings', 'a = 1'],
    ['a PIN that is no text', settings({ 'user_pin = "98765432"': 'user_pin = 98765432' })],
  ])('that are %s are refused, without a word of them', (_, text) => {
    expect(codeIn(() => migrate(text, context))).toBe('CONFIG_INVALID');
    expect(() => migrate(text, context)).not.toThrow(/98765432/);
  });

  it('that are broken tell where', () => {
    expect(() => migrate('[server]\nport = = 1', context)).toThrow(/^line 2, column 8: /);
  });

  it('are those of the sample proxy before anybody asks for its token', () => {
    const token = () => expect.unreachable();
    expect(codeIn(() => migrate('[server]\nport = 443', { ...context, token }))).toBe('CONFIG_INVALID');
  });

  it('make a file of keys that is read as it is kept', () => {
    const { files } = migrate(settings(), context);
    const keys = parseKeysDocument(files.get('acme.keys.toml') ?? '');
    expect(keys.map(({ externalKeyId }) => externalKeyId)).toEqual(['orders', 'invoices']);
  });
});
