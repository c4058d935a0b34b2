import { parse as parseToml, TomlError } from 'smol-toml';
import type { z } from 'zod';
import { configSchema } from './config-schema.ts';
import { XksProxyError } from './errors.ts';

/** A checked configuration. Secrets are key objects, which print and serialise as nothing. */
export type ProxyConfig = z.output<ReturnType<typeof configSchema>>;
export type StoreConfig = ProxyConfig['stores'][number];
export type StoreKeyConfig = StoreConfig['keys'][number];
export type HealthConfig = ProxyConfig['health'];

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
