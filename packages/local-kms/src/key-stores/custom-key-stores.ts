import type { Clock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import { KmsException } from '../kms-exception.ts';
import type { Table } from '../state/table.ts';
import type { XksProxy } from '../xks/client.ts';
import type { ConnectionErrorCode } from '../xks/failures.ts';

/** A custom key store of type EXTERNAL_KEY_STORE. */
export interface CustomKeyStore {
  readonly id: string;
  readonly createdAt: Date;
  readonly name: string;
  readonly proxy: XksProxy;
  readonly connection: Connection;
}

/** Whether a store can be used, and if connecting it failed, why. Only a CONNECTED one can. */
export type Connection =
  | { readonly state: 'DISCONNECTED' | 'CONNECTING' | 'CONNECTED' }
  | { readonly state: 'FAILED'; readonly errorCode: ConnectionErrorCode };

/** The members of a store that may change. */
type CustomKeyStoreSettings = Pick<CustomKeyStore, 'name' | 'proxy'>;

/** The custom key stores of one Region. */
export interface CustomKeyStores {
  /** Throws CustomKeyStoreNotFoundException. */
  withId(id: string): CustomKeyStore;
  /** Throws CustomKeyStoreNotFoundException. */
  withName(name: string): CustomKeyStore;
  /** In the order of their ids. */
  list(): readonly CustomKeyStore[];
  /**
   * Throws CustomKeyStoreNameInUseException or XksProxyUriInUseException if a store other than the one with
   * this id has the name or the proxy URI, and LimitExceededException if there is no room for a new one.
   */
  assertFree(settings: CustomKeyStoreSettings, id?: string): void;
  /** Adds a disconnected store. Throws as `assertFree` does. */
  create(settings: CustomKeyStoreSettings): CustomKeyStore;
  /** Throws as `withId` and `assertFree` do. */
  update(id: string, settings: CustomKeyStoreSettings): void;
  setConnection(id: string, connection: Connection): void;
  delete(id: string): void;
}

/** The custom key stores of a table by their ids. */
export function createCustomKeyStores(
  byId: Table<CustomKeyStore>,
  { clock, ids }: { clock: Clock; ids: Ids },
): CustomKeyStores {
  const found = (store: CustomKeyStore | undefined): CustomKeyStore => {
    if (store) return store;
    throw new KmsException('CustomKeyStoreNotFoundException', 'There is no such custom key store.');
  };
  const withId = (id: string): CustomKeyStore => found(byId.get(id));

  const assertFree = ({ name, proxy }: CustomKeyStoreSettings, id?: string): void => {
    const others = [...byId.values()].filter((store) => store.id !== id);
    if (others.some((store) => store.name === name)) {
      throw new KmsException('CustomKeyStoreNameInUseException', 'Another custom key store has this name.');
    }
    if (others.some((store) => proxyUri(store.proxy) === proxyUri(proxy))) {
      throw new KmsException(
        'XksProxyUriInUseException',
        'Another external key store has this endpoint and path.',
      );
    }
    if (others.length >= MAX_STORES) {
      throw new KmsException('LimitExceededException', `There are at most ${MAX_STORES} custom key stores.`);
    }
  };

  return {
    withId,
    withName: (name) => found([...byId.values()].find((store) => store.name === name)),
    list: () => [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    assertFree,
    create(settings) {
      assertFree(settings);
      const id = `cks-${ids.hex('custom-key-store', 17)}`;
      const store = {
        ...settings,
        id,
        createdAt: clock.now(),
        connection: { state: 'DISCONNECTED' },
      } as const;
      byId.set(id, store);
      return store;
    },
    update(id, settings) {
      assertFree(settings, id);
      byId.set(id, { ...withId(id), ...settings });
    },
    setConnection(id, connection) {
      byId.set(id, { ...withId(id), connection });
    },
    delete: (id) => byId.delete(id),
  };
}

function proxyUri({ host, path }: XksProxy): string {
  return `${host.toLowerCase()}${path}`;
}

const MAX_STORES = 10;
