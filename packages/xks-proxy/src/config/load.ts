import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errorCode } from '../error-code.ts';
import { XksProxyError } from '../proxy-error.ts';
import { type ProxyConfig, parseConfig } from './config.ts';
import type { ReadOptions } from './files.ts';

/**
 * Reads a configuration file and all that it names. Throws XksProxyError `CONFIG_INVALID`.
 *
 * @param instead texts by absolute path, used in place of the contents of those files
 * @param onRead called with the absolute path of each file, before it is read
 */
export function loadConfig(
  configFile: string,
  instead?: ReadOptions['instead'],
  onRead?: ReadOptions['onRead'],
): ProxyConfig {
  const path = resolve(configFile);
  onRead?.(path);
  let toml: string;
  try {
    toml = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new XksProxyError(
      'CONFIG_INVALID',
      `cannot read ${path} (${errorCode(cause) ?? 'unknown error'})`,
      { cause },
    );
  }
  return parseConfig(toml, { baseDirectory: dirname(path), instead, onRead });
}
