import type { ProxyConfig } from './config/config.ts';
import { type RunningProxy, type StartProxyOptions, startProxy as startServed } from './server.ts';

/**
 * Opens the tokens, then listens. The log tells of a certificate that is not valid yet. Rotates no key, which is left to
 * `xks-proxy serve`; if the configuration asks for it, the log has `rotation-impossible`. Rejects with XksProxyError
 * `CONFIG_INVALID` for a certificate that has expired, or what `parseConfig` did not return; `AUDIT_UNAVAILABLE`,
 * `TOKEN_UNAVAILABLE`, `PIN_REFUSED` or `LISTEN_FAILED`.
 *
 * @example
 * const proxy = await startProxy(config, { log: process.stdout });
 * await proxy.close();
 */
export async function startProxy(
  config: ProxyConfig,
  { log }: StartProxyOptions = {},
): Promise<RunningProxy> {
  return startServed(config, { log });
}
