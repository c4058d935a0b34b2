import type { ProxyConfig } from './config.ts';

/** A configuration to serve, and what of it has to wait. */
export interface Kept {
  readonly config: ProxyConfig;
  /** The sections whose change comes with the next start. */
  readonly awaitingStart: readonly string[];
}

/**
 * What is served of a configuration that follows another one: what only a start can change stays as it is served. All else
 * must not wait for it, such as a key that is blocked.
 */
export function keepForStart(config: ProxyConfig, served: ProxyConfig): Kept {
  const { host, port, tls } = served.server;
  const { clients } = wantsClients(config) === wantsClients(served) ? config.server.tls : tls;
  const server = { ...config.server, host, port, tls: { ...config.server.tls, clients } };
  const { admin, audit, ivBudget } = served;
  const kept = { ...config, server, admin, audit, ivBudget };
  const awaitingStart = Object.entries(LATE)
    .filter(([, valueOf]) => JSON.stringify(valueOf(config)) !== JSON.stringify(valueOf(kept)))
    .map(([section]) => section);
  return { config: kept, awaitingStart };
}

const wantsClients = ({ server }: ProxyConfig) => server.tls.clients !== undefined;

const LATE = {
  'server.host': ({ server }) => server.host,
  'server.port': ({ server }) => server.port,
  'server.tls.client_ca_file': wantsClients,
  admin: ({ admin }) => admin,
  audit: ({ audit }) => audit,
  iv_budget: ({ ivBudget }) => ivBudget,
} as const satisfies Record<string, (config: ProxyConfig) => unknown>;
