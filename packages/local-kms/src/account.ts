import { arnScope } from './arn.ts';
import type { Clock } from './clock.ts';
import type { Ids } from './ids.ts';
import { createConnections } from './key-stores/connections.ts';
import { createCustomKeyStores } from './key-stores/custom-key-stores.ts';
import { createHealthSchedule } from './key-stores/health-schedule.ts';
import { createAliases } from './keys/aliases.ts';
import { createGrants } from './keys/grants.ts';
import { createImportTokens } from './keys/import-tokens.ts';
import { createKeys } from './keys/keys.ts';
import { createLastUses } from './keys/last-uses.ts';
import { catchUp } from './keys/timeline.ts';
import type { Account, Kms } from './kms.ts';
import type { Log } from './log.ts';
import { aliasKind } from './state/kinds/alias.ts';
import { customKeyStoreKind } from './state/kinds/custom-key-store.ts';
import { grantKind } from './state/kinds/grant.ts';
import { importTokenKind } from './state/kinds/import-token.ts';
import { keyKind } from './state/kinds/key.ts';
import type { Records } from './state/records.ts';
import { createXksClient } from './xks/client.ts';
import type { XksTransport } from './xks/transport.ts';

/** What an account is made of. */
export interface AccountOptions {
  /** 12 digits. */
  readonly accountId: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** What it has. */
  readonly records: Records;
  /** How proxies are reached, from every Region. */
  readonly transport: XksTransport;
  /** How often proxies are asked for their health. */
  readonly xksHealthIntervalMs: number;
  readonly log: Log;
}

/** An account with what is in the records. Its Regions know of each other through multi-Region keys only. */
export function createAccount({
  accountId,
  clock,
  ids,
  records,
  transport,
  xksHealthIntervalMs,
  log,
}: AccountOptions): Account {
  const healthSchedule = createHealthSchedule(clock, xksHealthIntervalMs);
  const byName = new Map<string, Kms>();

  const createRegion = (name: string): Kms => {
    const scope = arnScope(name, accountId);
    const xks = createXksClient(transport, name);
    const customKeyStores = createCustomKeyStores(records.table(customKeyStoreKind, name), { clock, ids });
    return {
      account,
      scope,
      keys: createKeys(records.table(keyKind, name)),
      aliases: createAliases(records.table(aliasKind, name), clock),
      grants: createGrants(records.table(grantKind, name), { clock, ids }),
      importTokens: createImportTokens(records.table(importTokenKind, name), clock),
      lastUses: createLastUses(clock),
      customKeyStores,
      connections: createConnections({ scope, ids, customKeyStores, xks }, log),
      xks,
    };
  };

  const account: Account = {
    clock,
    ids,
    region(name) {
      const kms = byName.get(name) ?? createRegion(name);
      byName.set(name, kms);
      return kms;
    },
    regions: () => [...byName.values()],
    catchUp() {
      catchUp(account);
      if (!healthSchedule.isDue()) return;
      for (const { connections } of byName.values()) connections.checkHealth();
    },
  };
  for (const name of records.regions()) account.region(name);
  return account;
}
