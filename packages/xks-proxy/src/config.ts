import type { KeyObject } from 'node:crypto';
import { parse as parseToml, TomlError } from 'smol-toml';
import { configSchema } from './config-schema.ts';
import type { KeyUsage } from './key-device.ts';
import { XksProxyError } from './proxy-error.ts';

/** A checked configuration. Its secrets are key objects, which print and serialise as nothing. */
export interface ProxyConfig {
  readonly server: {
    readonly host: string;
    /** 0 for any free port. */
    readonly port: number;
    /** A PEM chain, the server's own certificate first, and its private key. */
    readonly tls: { readonly certificate: string; readonly key: KeyObject };
  };
  readonly token: {
    /** Absolute path of the PKCS#11 module. */
    readonly module: string;
    readonly selector: { readonly label: string } | { readonly serial: string };
    readonly pin: KeyObject;
    readonly calls: 'inline' | 'threadpool';
    readonly maxSessions: number;
    readonly timeoutMs: number;
  };
  readonly health: HealthConfig;
  readonly stores: readonly StoreConfig[];
}

/** What GetHealthStatus is to tell; the token's own words where nothing is given. */
export interface HealthConfig {
  readonly fleetSize: number;
  readonly proxyVendor: string | undefined;
  readonly proxyModel: string | undefined;
  readonly ekmVendor: string | undefined;
  readonly ekmModel: string | undefined;
  /** Label of the key for trial encryptions. */
  readonly keyLabel: string | undefined;
}

/** One external key store. */
export interface StoreConfig {
  readonly name: string;
  /** Empty, or like `/acme`. */
  readonly pathPrefix: string;
  readonly regions: readonly string[];
  readonly credentials: readonly { readonly accessKeyId: string; readonly secretAccessKey: KeyObject }[];
  readonly keys: readonly StoreKeyConfig[];
}

/** One external key, and the key of the token that it stands for. */
export interface StoreKeyConfig {
  readonly externalKeyId: string;
  readonly label: string;
  readonly usages: readonly KeyUsage[];
  readonly status: 'ENABLED' | 'DISABLED';
}

/**
 * Parses a TOML configuration and reads the files it names, relative to `baseDirectory`.
 * Throws XksProxyError `CONFIG_INVALID` whose message has one line for each problem, with its place.
 *
 * @example
 * const config = parseConfig(await readFile('/etc/xks-proxy/config.toml', 'utf8'), { baseDirectory: '/etc/xks-proxy' });
 */
export function parseConfig(toml: string, { baseDirectory }: { baseDirectory: string }): ProxyConfig {
  const result = configSchema(baseDirectory).safeParse(parseDocument(toml));
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${place(path)}: ${message}`);
  throw new XksProxyError('CONFIG_INVALID', problems.join('\n'));
}

function parseDocument(toml: string): unknown {
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
