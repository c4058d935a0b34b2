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
    /** The time that an operation may take before KMS is answered with a timeout. */
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

/** The TLS settings of the server. */
export interface TlsConfig {
  /** A PEM chain, the server's own certificate first. */
  readonly certificate: string;
  readonly key: KeyObject;
  /** The clients that get through the handshake; absent for all. */
  readonly clients?: ClientCertificates | undefined;
}

/** The certificates that clients must have. */
interface ClientCertificates {
  /** PEM certificates of the authorities that may have issued them. */
  readonly authorities: string;
  /** The common names of subjects that are accepted. */
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
  /** Tokens of one cluster hold the same keys: a key that is made on one appears on all. */
  readonly cluster: string | undefined;
}

/**
 * Where calls to a token run. `inline`: in the event loop, the fastest for a token inside the process. `threadpool`:
 * C_Encrypt and C_Decrypt in libuv's threads, and the rest inline. `worker`: everything in threads of the token's own, so
 * that it blocks nothing else. `auto`: `inline` or `worker`, by a measurement at the start.
 */
type TokenCalls = 'auto' | 'inline' | 'threadpool' | 'worker';

/**
 * Who makes the initialization vectors: the proxy, with the token's random generator (`supplied`), or the token, which
 * writes them over the bytes that it was given (`written`) or appends them to the ciphertext (`appended`).
 */
export type IvSource = 'supplied' | 'written' | 'appended';

/** Values for GetHealthStatus; undefined ones come from the token. */
export interface HealthConfig {
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
  /** Absolute path of the file with credentials that the command line edits. */
  readonly credentialsFile: string | undefined;
  readonly policy: Policy;
  readonly quota?: QuotaConfig | undefined;
  readonly keys: readonly StoreKeyConfig[];
  /** Absolute path of the file with keys that the command line edits. */
  readonly keysFile: string | undefined;
}

/** A credential that AWS KMS signs with. */
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

/** Parses a TOML document. Throws XksProxyError `CONFIG_INVALID` with the place of a mistake, and no part of the text. */
export function parseDocument(toml: string): unknown {
  try {
    return parseToml(toml);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The error's own message quotes the lines around the place, which may hold a secret that should be in a file.
    const message = `line ${error.line}, column ${error.column}: not valid TOML`;
    throw new XksProxyError('CONFIG_INVALID', message);
  }
}

/** `stores[0].keys[1].label`, as it would be written in JavaScript. */
function place(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return text === '' ? 'configuration' : text.replace(/^\./, '');
}
