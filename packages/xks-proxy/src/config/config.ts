import type { KeyObject } from 'node:crypto';
import { parse as parseToml, TomlError } from 'smol-toml';
import type { Policy } from '../policy/policy.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { AdminConfig } from './admin.ts';
import type { AuditConfig } from './audit.ts';
import { filesBelow, type ReadOptions } from './files.ts';
import type { IvBudgetConfig } from './iv-budget.ts';
import type { StoreKeyConfig } from './keys.ts';
import { missingSetting } from './missing-setting.ts';
import type { QuotaConfig, RedisConfig } from './quota.ts';
import { configSchema } from './schema.ts';

/** A checked configuration. Its secrets are key objects, which print and serialise as nothing. */
export interface ProxyConfig {
  readonly server: {
    readonly host: string;
    /** 0 for any free port. */
    readonly port: number;
    /** How long an operation may take before KMS is told so. */
    readonly timeoutMs: number;
    readonly tls: TlsConfig;
  };
  readonly tokens: readonly TokenConfig[];
  readonly health: HealthConfig;
  readonly ivBudget: IvBudgetConfig;
  readonly admin?: AdminConfig | undefined;
  readonly audit?: AuditConfig | undefined;
  readonly redis?: RedisConfig | undefined;
  readonly stores: readonly StoreConfig[];
}

/** What the server is by TLS. */
export interface TlsConfig {
  /** A PEM chain, the server's own certificate first. */
  readonly certificate: string;
  readonly key: KeyObject;
  /** Which clients get through the handshake; absent for all. */
  readonly clients?: ClientCertificates | undefined;
}

/** What the certificates of clients must be. */
interface ClientCertificates {
  /** PEM certificates of the authorities that may have issued them. */
  readonly authorities: string;
  /** Common names of their subjects, one of which it must be. */
  readonly commonNames: readonly string[];
}

/** One token, and how it is used. */
export interface TokenConfig {
  readonly name: string;
  /** Absolute path of the PKCS#11 module. */
  readonly module: string;
  readonly selector: { readonly label: string } | { readonly serial: string };
  readonly pin: KeyObject;
  readonly calls: TokenCalls;
  readonly iv: IvSource;
  readonly maxSessions: number;
  /** Label of the key for trial encryptions. */
  readonly healthKeyLabel: string | undefined;
  /** Tokens of one cluster hold the same keys: what is made on one appears on all. */
  readonly cluster: string | undefined;
}

/**
 * Where calls to a token run. `inline` in the event loop: the fastest for a token inside the process. `threadpool` has
 * C_Encrypt and C_Decrypt in libuv's threads and the rest inline. `worker` has everything in threads of the token's own,
 * so that nothing it does holds up anybody else. `auto` measures at the start which of `inline` and `worker` it is to be.
 */
type TokenCalls = 'auto' | 'inline' | 'threadpool' | 'worker';

/**
 * Who finds the initialization vectors: the proxy, from the token's random generator (`supplied`), or the token, which
 * writes them over the bytes that it was given (`written`) or appends them to the ciphertext (`appended`).
 */
export type IvSource = 'supplied' | 'written' | 'appended';

/** What GetHealthStatus is to tell; the token's own words where nothing is given. */
interface HealthConfig {
  readonly fleetSize: number;
  readonly proxyVendor: string | undefined;
  readonly proxyModel: string | undefined;
  readonly ekmVendor: string | undefined;
  readonly ekmModel: string | undefined;
}

/** One external key store. */
export interface StoreConfig {
  readonly name: string;
  /** Empty, or like `/acme`. */
  readonly pathPrefix: string;
  readonly regions: readonly string[];
  readonly credentials: readonly CredentialConfig[];
  /** Absolute path of the file with credentials that the command line keeps. */
  readonly credentialsFile: string | undefined;
  readonly policy: Policy;
  readonly quota?: QuotaConfig | undefined;
  readonly keys: readonly StoreKeyConfig[];
  /** Absolute path of the file with keys that the command line keeps. */
  readonly keysFile: string | undefined;
}

/** What AWS KMS signs with. */
export interface CredentialConfig {
  readonly accessKeyId: string;
  readonly secretAccessKey: KeyObject;
  /** When it was made, if that is known. */
  readonly createdAt: Date | undefined;
}

/**
 * Parses a TOML configuration and reads the files it names, relative to `baseDirectory`.
 *
 * @throws XksProxyError `CONFIG_INVALID`, whose message has one line for each problem, with its place
 * @example
 * const config = parseConfig(await readFile('/etc/xks-proxy/config.toml', 'utf8'), { baseDirectory: '/etc/xks-proxy' });
 */
export function parseConfig(
  toml: string,
  { baseDirectory, ...options }: { readonly baseDirectory: string } & ReadOptions,
): ProxyConfig {
  const schema = configSchema(filesBelow(baseDirectory, options));
  const result = schema.safeParse(parseDocument(toml), { error: missingSetting });
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${place(path)}: ${message}`);
  throw new XksProxyError('CONFIG_INVALID', problems.join('\n'));
}

/** What a TOML document says. Throws XksProxyError `CONFIG_INVALID` with the place of a mistake, and no word of the text. */
export function parseDocument(toml: string): unknown {
  try {
    return parseToml(toml);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The error's own text quotes the lines around the place, and they may hold what should be in a file.
    const message = `line ${error.line}, column ${error.column}: not valid TOML`;
    throw new XksProxyError('CONFIG_INVALID', message);
  }
}

/** `stores[0].keys[1].label`, as it would be written in JavaScript. */
function place(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return text === '' ? 'configuration' : text.replace(/^\./, '');
}
