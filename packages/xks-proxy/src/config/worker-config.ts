import type { ProxyConfig } from './config.ts';

/**
 * The configuration of one of several processes on one port, numbered from 1: its audit records are a separate chain,
 * `NAME.wN`, and its listener for operators is N - 1 ports above the configured one.
 */
export function configOfWorker(config: ProxyConfig, worker: number | undefined): ProxyConfig {
  if (worker === undefined) return config;
  const { admin, audit } = config;
  return {
    ...config,
    admin: admin && { ...admin, port: admin.port === 0 ? 0 : admin.port + worker - 1 },
    audit: audit && { ...audit, chain: `${audit.chain}.w${worker}` },
  };
}
