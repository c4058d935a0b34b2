import { type ArnScope, accountArn } from '../arn.ts';
import type { Log, XksCallRecord } from '../log.ts';
import type { XksClient } from '../xks/client.ts';
import { connectionErrorCodeFor } from '../xks/failures.ts';
import type { XksResult } from '../xks/result.ts';
import type { Connection, CustomKeyStores } from './custom-key-stores.ts';

/** Connects custom key stores in the background, as ConnectCustomKeyStore promises. */
export interface Connections {
  /** Starts an attempt on behalf of a request; the store is CONNECTING until it ends. */
  start(customKeyStoreId: string, requestId: string): void;
  /** Settles when no attempt is under way. */
  settled(): Promise<void>;
}

/** No attempt under way yet; the outcome of each goes to `customKeyStores` and to `log`. */
export function createConnections(
  { scope, customKeyStores, xks }: { scope: ArnScope; customKeyStores: CustomKeyStores; xks: XksClient },
  log: Log,
): Connections {
  const attempts = new Set<Promise<void>>();

  const connect = async (
    customKeyStoreId: string,
    requestId: string,
    connecting: Connection,
  ): Promise<void> => {
    const xksCalls: XksCallRecord[] = [];
    const caller = {
      kmsOperation: 'ConnectCustomKeyStore',
      kmsRequestId: requestId,
      awsPrincipalArn: accountArn(scope),
      observe: (call: XksCallRecord) => void xksCalls.push(call),
    };
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
      const attempt = connect(customKeyStoreId, requestId, connecting).finally(() =>
        attempts.delete(attempt),
      );
      attempts.add(attempt);
    },
    async settled() {
      await Promise.all(attempts);
    },
  };
}

function outcomeOf(health: XksResult<true>) {
  return 'failure' in health
    ? ({ state: 'FAILED', errorCode: connectionErrorCodeFor(health.failure) } as const)
    : ({ state: 'CONNECTED' } as const);
}

const INTERNAL_ERROR = { state: 'FAILED', errorCode: 'INTERNAL_ERROR' } as const;
