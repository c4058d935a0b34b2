import { basename } from 'node:path';
import { stringify } from 'smol-toml';
import { type IvSource, parseDocument } from '../config/config.ts';
import { keysDocument } from '../config/keys-document.ts';
import { missingSetting } from '../config/missing-setting.ts';
import { credentialsDocument, newCredential } from '../credentials/edit-credentials.ts';
import { XksProxyError } from '../proxy-error.ts';
import { type ReferenceSettings, referenceSettings, WITHOUT_COUNTERPART } from './reference-settings.ts';

/** The files of a proxy that takes the place of the Rust sample proxy. */
export interface Migration {
  /** Text of each file, by its name in the folder of the new configuration. */
  readonly files: ReadonlyMap<string, string>;
  /** The settings that are not migrated as they are, one sentence each. */
  readonly notes: readonly string[];
}

/** The facts that the old settings do not have. */
export interface MigrationContext {
  /** Names the token, for the sample proxy the one in the first slot. Called once the settings are known to be valid. */
  readonly token: (module: string) => { readonly label: string } | { readonly serial: string };
  /** Turns a path of the old settings into an absolute one. */
  readonly resolve: (path: string) => string;
  /** Paths of a certificate and its key for the configuration, needed for settings without TLS. */
  readonly certificate?: { readonly certificateFile: string; readonly keyFile: string } | undefined;
  /** Path, for the configuration, of the folder in which the proxy counts messages. */
  readonly stateDirectory: string;
}

/**
 * Translates the settings of the Rust sample proxy. Keys keep their ids and labels, and open what it encrypted. Throws
 * XksProxyError `CONFIG_INVALID` for any other text, and for a credential that two stores share; of the values of the
 * settings its message quotes path prefixes alone.
 */
export function migrate(toml: string, context: MigrationContext): Migration {
  const document = parseDocument(toml);
  const parsed = referenceSettings.safeParse(document, { error: missingSetting });
  if (!parsed.success) {
    const places = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new XksProxyError('CONFIG_INVALID', places.join('\n'));
  }
  const settings = parsed.data;
  assertOwnCredentials(settings);
  const notes = [...leftOut(document), UNCOUNTED];
  const module = migratedModule(settings, context, notes);
  const files = new Map<string, string>([['pin', `${settings.pkcs11.user_pin}\n`]]);
  const stores = settings.external_key_stores.map((store, index) =>
    migratedStore(store, index, settings.server.region, files, notes),
  );
  const config = {
    server: {
      host: settings.server.ip,
      port: settings.server.port,
      tls: migratedTls(settings, context, notes),
    },
    iv_budget: { state_dir: context.stateDirectory },
    tokens: [
      {
        name: 'main',
        module,
        ...context.token(module),
        pin_file: 'pin',
        iv: ivSource(settings.hsm_capabilities),
        ...migratedSessions(settings, notes),
      },
    ],
    stores,
  };
  files.set('config.toml', `${HEADER}${stringify(config)}`);
  if (settings.security.secondary_auth !== undefined) {
    notes.push(
      'security.secondary_auth: until the policy is translated, every request of AWS KMS is allowed',
    );
  }
  return { files, notes };
}

/** Throws XksProxyError `CONFIG_INVALID` for an access key id of two stores: here it is unique on the whole proxy. */
function assertOwnCredentials({ external_key_stores: stores }: ReferenceSettings): void {
  const problems = stores.flatMap(({ sigv4_access_key_id: id, uri_path_prefix: prefix }, index) => {
    const earlier = stores.slice(0, index).find((store) => id !== '' && store.sigv4_access_key_id === id);
    if (earlier === undefined) return [];
    const place = `external_key_stores.${index}.sigv4_access_key_id`;
    const both = `the stores of uri_path_prefix "${earlier.uri_path_prefix}" and "${prefix}" share it`;
    return [`${place}: ${both}, and here each has its own: leave it empty in one, which then gets a new one`];
  });
  if (problems.length > 0) throw new XksProxyError('CONFIG_INVALID', problems.join('\n'));
}

function migratedSessions({ pkcs11 }: ReferenceSettings, notes: string[]): { max_sessions?: number } {
  const { session_pool_max_size: before } = pkcs11;
  if (before === undefined) return {};
  if (before > MAX_SESSIONS)
    notes.push(
      `pkcs11.session_pool_max_size: max_sessions is ${MAX_SESSIONS}, the most that a token has here`,
    );
  return { max_sessions: Math.min(before, MAX_SESSIONS) };
}

function migratedStore(
  store: ReferenceSettings['external_key_stores'][number],
  index: number,
  region: string,
  files: Map<string, string>,
  notes: string[],
) {
  const last = store.uri_path_prefix.split('/').at(-1) || `store-${index + 1}`;
  const name = last.slice(0, MAX_NAME_CHARACTERS);
  const suffix = `-${index + 1}`;
  const isTaken = files.has(`${name}.keys.toml`);
  const unique = isTaken ? name.slice(0, MAX_NAME_CHARACTERS - suffix.length) + suffix : name;
  const isComplete = store.sigv4_access_key_id !== '' && store.sigv4_secret_access_key !== '';
  const credential = isComplete
    ? { accessKeyId: store.sigv4_access_key_id, secretAccessKey: store.sigv4_secret_access_key }
    : newCredential();
  if (!isComplete) notes.push(`store ${unique}: it had no credential, and has a new one; see console-config`);
  const secretFile = `${credential.accessKeyId}.secret`;
  files.set(secretFile, `${credential.secretAccessKey}\n`);
  const row = { access_key_id: credential.accessKeyId, secret_access_key_file: secretFile };
  files.set(`${unique}.credentials.toml`, credentialsDocument([row]));
  const keys = store.xks_key_id_set.map((externalKeyId) => ({
    externalKeyId,
    tokens: undefined,
    versions: [{ version: 1, selector: { label: externalKeyId } }],
    usages: ['ENCRYPT', 'DECRYPT'] as const,
    status: 'ENABLED' as const,
    acceptReferenceCiphertext: true,
  }));
  files.set(`${unique}.keys.toml`, keysDocument(keys));
  return {
    name: unique,
    path_prefix: store.uri_path_prefix,
    regions: [region],
    credentials_file: `${unique}.credentials.toml`,
    keys_file: `${unique}.keys.toml`,
  };
}

function migratedTls(
  settings: ReferenceSettings,
  { resolve, certificate }: MigrationContext,
  notes: string[],
) {
  const before = settings.security.is_tls_enabled ? settings.tls : undefined;
  const { certificateFile, keyFile } = certificate ?? {
    certificateFile: before && resolve(before.tls_cert_pem),
    keyFile: before && resolve(before.tls_key_pem),
  };
  if (certificateFile === undefined || keyFile === undefined) {
    const text = 'TLS ended before it, and it ends in this proxy: give --certificate-file and --key-file';
    throw new XksProxyError('CONFIG_INVALID', `security.is_tls_enabled: ${text}`);
  }
  return {
    certificate_file: certificateFile,
    key_file: keyFile,
    ...migratedClients(settings, resolve, notes),
  };
}

/** The certificates that clients must have, also with another certificate of the server. */
function migratedClients(
  { security, tls, server }: ReferenceSettings,
  resolve: MigrationContext['resolve'],
  notes: string[],
) {
  if (!security.is_mtls_enabled) return {};
  if (!security.is_tls_enabled) {
    notes.push('security.is_mtls_enabled: not in force without TLS; clients need no certificate here either');
    return {};
  }
  if (tls?.mtls_client_ca_pem === undefined) {
    throw new XksProxyError('CONFIG_INVALID', 'tls.mtls_client_ca_pem: expected with is_mtls_enabled');
  }
  const name = `cks.kms.${server.region}.amazonaws.com`;
  notes.push(`tls.mtls_client_dns_name: clients must present a certificate with the common name ${name}`);
  return { client_ca_file: resolve(tls.mtls_client_ca_pem), client_common_names: [name] };
}

/** The module of the token: the one that is loaded, or the one behind the logger, whose settings may be there without it. */
function migratedModule(
  { pkcs11, pkcs11_logger }: ReferenceSettings,
  { resolve }: MigrationContext,
  notes: string[],
): string {
  const loaded = pkcs11.PKCS11_HSM_MODULE;
  if (pkcs11_logger === undefined) return resolve(loaded);
  const behind = basename(loaded).includes(LOGGER) ? pkcs11_logger.PKCS11_LOGGER_LIBRARY_PATH : '';
  const module = resolve(behind === '' ? loaded : behind);
  notes.push(`pkcs11_logger: the module is ${module}, without a logger before it`);
  return module;
}

function ivSource({ can_generate_iv, is_zero_iv_required }: ReferenceSettings['hsm_capabilities']): IvSource {
  if (!can_generate_iv) return 'supplied';
  return is_zero_iv_required ? 'written' : 'appended';
}

/** One sentence for each setting without a counterpart, and for each unknown setting. */
function* leftOut(document: unknown, place = ''): Generator<string> {
  for (const [table, instead] of Object.entries(WITHOUT_COUNTERPART)) {
    if (table !== place) continue;
    yield `${place}: ${instead}`;
    return;
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    if (!isKnown(place)) yield `${place}: not known, and left out`;
    return;
  }
  for (const [name, value] of Object.entries(document)) {
    yield* leftOut(value, place === '' ? name : `${place}.${name}`);
  }
}

function isKnown(place: string): boolean {
  const [section = '', field = ''] = place.split('.');
  return (KNOWN[section] ?? []).includes(field) || place === 'external_key_stores';
}

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  server: ['ip', 'port', 'region'],
  security: ['is_tls_enabled', 'is_mtls_enabled', 'secondary_auth'],
  tls: ['tls_cert_pem', 'tls_key_pem', 'mtls_client_ca_pem'],
  pkcs11: ['session_pool_max_size', 'user_pin', 'PKCS11_HSM_MODULE'],
  pkcs11_logger: ['PKCS11_LOGGER_LIBRARY_PATH', 'PKCS11_LOGGER_LOG_FILE_PATH', 'PKCS11_LOGGER_FLAGS'],
  hsm_capabilities: ['can_generate_iv', 'is_zero_iv_required'],
};
// The limit of 2^32 messages includes those that the sample proxy has encrypted (NIST SP 800-38D, 8.3).
const UNCOUNTED =
  'iv_budget: what the sample proxy has encrypted is not counted: soon `keys rotate` each key, or lower the limit by that';
/** The most that a configuration takes: `tokens.max_sessions`, and `stores.name`. */
const MAX_SESSIONS = 1024;
const MAX_NAME_CHARACTERS = 64;
/** Part of the file name of the logger's library on every system. */
const LOGGER = 'pkcs11-logger';
const HEADER = '# Made by `xks-proxy migrate` of settings of the Rust sample proxy.\n\n';
