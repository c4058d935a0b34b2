import { type ArnScope, accountArn } from '../arn.ts';
import type { Ids } from '../ids.ts';
import type { Log, XksCallRecord } from '../log.ts';
import type { XksClient } from '../xks/client.ts';
import { connectionErrorCodeFor } from '../xks/failures.ts';
import type { XksResult } from '../xks/result.ts';
import type { Connection, CustomKeyStore, CustomKeyStores } from './custom-key-stores.ts';

/** Connects custom key stores in the background, as ConnectCustomKeyStore promises, and looks after them. */
export interface Connections {
  /** Starts an attempt on behalf of a request; the store is CONNECTING until it ends. */
  start(customKeyStoreId: string, requestId: string): void;
  /**
   * Starts to ask the proxies of all connected stores for their health. What comes of it is logged and counted; a
   * store stays connected, as in AWS.
   */
  checkHealth(): void;
  /** Settles when no attempt and no check is under way. */
  settled(): Promise<void>;
}

interface ConnectionsOptions {
  readonly scope: ArnScope;
  readonly ids: Ids;
  readonly customKeyStores: CustomKeyStores;
  readonly xks: XksClient;
}

/** No attempt under way yet; the outcome of each goes to `customKeyStores` and to `log`. */
export function createConnections(
  { scope, ids, customKeyStores, xks }: ConnectionsOptions,
  log: Log,
): Connections {
  const underWay = new Set<Promise<void>>();
  const inBackground = (work: Promise<void>): void => {
    const settled = work.finally(() => underWay.delete(settled));
    underWay.add(settled);
  };

  const observedCaller = (kmsOperation: string, kmsRequestId: string) => {
    const xksCalls: XksCallRecord[] = [];
    const observe = (call: XksCallRecord): void => void xksCalls.push(call);
    return { caller: { kmsOperation, kmsRequestId, awsPrincipalArn: accountArn(scope), observe }, xksCalls };
  };

  const check = async ({ id, proxy }: CustomKeyStore): Promise<void> => {
    const requestId = ids.uuid('health-check');
    const { caller, xksCalls } = observedCaller('KmsHealthCheck', requestId);
    await xks.checkHealth(proxy, caller);
    log({ event: 'health-check', requestId, customKeyStoreId: id, xksCalls });
  };

  const connect = async (
    customKeyStoreId: string,
    requestId: string,
    connecting: Connection,
  ): Promise<void> => {
    const { caller, xksCalls } = observedCaller('ConnectCustomKeyStore', requestId);
    const { proxy } = customKeyStores.withId(customKeyStoreId);
    const outcome = await xks.checkHealth(proxy, caller).then(outcomeOf, () => INTERNAL_ERROR);
    // A store that was disconnected in the meantime, and perhaps connected again or deleted, is no longer ours.
    const store = customKeyStores.list().find(({ id }) => id === customKeyStoreId);
    if (store?.connection !== connecting) return;
    customKeyStores.setConnection(customKeyStoreId, outcome);
    log({ event: 'connection', requestId, customKeyStoreId, ...outcome, xksCalls });
  };

  return {
    start(customKeyStoreId, requestId) {
      const connecting: Connection = { state: 'CONNECTING' };
      customKeyStores.setConnection(customKeyStoreId, connecting);
      inBackground(connect(customKeyStoreId, requestId, connecting));
    },
    checkHealth() {
      for (const store of customKeyStores.list()) {
        if (store.connection.state === 'CONNECTED') inBackground(check(store));
      }
    },
    async settled() {
      await Promise.all(underWay);
    },
  };
}

function outcomeOf(health: XksResult<true>) {
  return 'failure' in health
    ? ({ state: 'FAILED', errorCode: connectionErrorCodeFor(health.failure) } as const)
    : ({ state: 'CONNECTED' } as const);
}

const INTERNAL_ERROR = { state: 'FAILED', errorCode: 'INTERNAL_ERROR' } as const;
