import { XksProxyError } from '../proxy-error.ts';
import type { ProxyConfig } from './config.ts';

/**
 * Throws XksProxyError `CONFIG_INVALID` for changes that only the next start can make: it would be wrong to go on as if
 * they had been made.
 */
export function refuseLateChanges(before: ProxyConfig, after: ProxyConfig): void {
  const problems = Object.entries(LATE)
    .filter(([, valueOf]) => JSON.stringify(valueOf(before)) !== JSON.stringify(valueOf(after)))
    .map(([section]) => `${section}: changes only with the next start`);
  if (problems.length > 0) throw new XksProxyError('CONFIG_INVALID', problems.join('\n'));
}

const LATE = {
  admin: ({ admin }) => admin,
  audit: ({ audit }) => audit,
  iv_budget: ({ ivBudget }) => ivBudget,
  'server.tls.client_ca_file': ({ server }) => server.tls.clients !== undefined,
} as const satisfies Record<string, (config: ProxyConfig) => unknown>;
