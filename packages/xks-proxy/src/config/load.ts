import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { XksProxyError } from '../proxy-error.ts';
import { type ProxyConfig, parseConfig } from './config.ts';

/**
 * Reads a configuration file and all that it names. Throws XksProxyError `CONFIG_INVALID`.
 *
 * @param instead texts by absolute path, taken in place of what stands in those files
 */
export function loadConfig(configFile: string, instead?: ReadonlyMap<string, string>): ProxyConfig {
  const path = resolve(configFile);
  let toml: string;
  try {
    toml = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new XksProxyError('CONFIG_INVALID', `cannot read ${path}`, { cause });
  }
  return parseConfig(toml, { baseDirectory: dirname(path), ...(instead && { instead }) });
}
