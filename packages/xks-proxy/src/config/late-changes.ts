import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { ProxyConfig, TlsConfig } from './config.ts';
import type { IvBudgetConfig } from './iv-budget.ts';

/** The settings that only a start can change. Every ProxyConfig has them. */
export interface StartSettings extends Pick<ProxyConfig, 'admin' | 'audit' | 'ivBudget'> {
  readonly server: Pick<ProxyConfig['server'], 'host' | 'port'> & {
    readonly tls: Pick<TlsConfig, 'clients'>;
  };
}

/** Returns these settings of a configuration and nothing else, to be sent to another process as JSON. None is a secret. */
export function startSettings({ server, admin, audit, ivBudget }: ProxyConfig): StartSettings {
  const { host, port, tls } = server;
  return { server: { host, port, tls: { clients: tls.clients } }, admin, audit, ivBudget };
}

/** Parses settings that `startSettings` returned in another process. Throws ZodError for anything else. */
export function parseStartSettings(message: unknown): StartSettings {
  return START_SETTINGS.parse(message);
}

/** A configuration to serve, and the changes that have to wait. */
export interface Kept {
  readonly config: ProxyConfig;
  /** The sections whose change comes with the next start. */
  readonly awaitingStart: readonly string[];
}

/**
 * Returns what to serve when a configuration takes the place of another one: the settings that only a start can change stay
 * as they are served. Everything else must not wait for them, such as a key that is blocked.
 */
export function keepForStart(config: ProxyConfig, served: StartSettings): Kept {
  const { host, port, tls } = served.server;
  const { clients } = wantsClients(config) === wantsClients(served) ? config.server.tls : tls;
  const server = { ...config.server, host, port, tls: { ...config.server.tls, clients } };
  const { admin, audit, ivBudget } = served;
  const kept = { ...config, server, admin, audit, ivBudget };
  const awaitingStart = Object.entries(LATE)
    .filter(([, valueOf]) => !isDeepStrictEqual(valueOf(config), valueOf(kept)))
    .map(([section]) => section);
  return { config: kept, awaitingStart };
}

const wantsClients = ({ server }: StartSettings) => server.tls.clients !== undefined;

const LATE = {
  'server.host': ({ server }) => server.host,
  'server.port': ({ server }) => server.port,
  'server.tls.client_ca_file': wantsClients,
  admin: ({ admin }) => admin,
  audit: ({ audit }) => audit,
  iv_budget: ({ ivBudget }) => ivBudget,
} as const satisfies Record<string, (config: StartSettings) => unknown>;

const START_SETTINGS = z.object({
  server: z.object({
    host: z.string(),
    port: z.int(),
    tls: z.object({
      clients: z.object({ authorities: z.string(), commonNames: z.array(z.string()) }).optional(),
    }),
  }),
  admin: z.object({ host: z.string(), port: z.int() }).optional(),
  audit: z
    .object({
      directory: z.string(),
      chain: z.string(),
      maxFileBytes: z.int(),
      required: z.boolean(),
      fsync: z.enum(['always', 'interval', 'never']),
    })
    .optional(),
  ivBudget: z
    .object({
      stateDirectory: z.string().optional(),
      limit: z.int(),
      atLimit: z.enum(['refuse', 'rotate']),
    })
    // JSON leaves out members that are undefined; without this one the comparison with a configuration would differ.
    .transform((row): IvBudgetConfig => ({ ...row, stateDirectory: row.stateDirectory })),
});
