import type { OpenState } from './open-state.ts';
import type { NamedRecord, Records } from './records.ts';
import { sealed } from './sealing.ts';

/** Brings changes into a store, before any answer tells of them. */
export interface Ledger {
  /**
   * Resolves when every change so far is in the store. Changes that come together are stored together. Rejects with
   * LocalKmsError once a change could not be stored, and from then on always: memory and store differ.
   */
  flush(): Promise<void>;
  /** Replaces all records by others, in one commit. Rejects as `flush` does. */
  replace(records: Records): Promise<void>;
  /** Flushes, and lets go of the store. */
  close(): Promise<void>;
}

/** Stores the changes of these records, which were made of the open state. Calls `onLost` with the first failure. */
export function createLedger(
  { store, key, version: initialVersion }: OpenState,
  initialRecords: Records,
  onLost: (error: unknown) => void,
): Ledger {
  let version = initialVersion;
  let records = initialRecords;
  let isQueued = false;
  let last = Promise.resolve();

  const commit = async (changes: readonly NamedRecord[]): Promise<void> => {
    if (changes.length === 0) return;
    version += 1;
    const sealedChanges = changes.map((change) => ({
      name: change.name,
      body: change.stored === undefined ? undefined : sealed(key, change, version),
    }));
    await store.commit(version, sealedChanges);
  };
  let isLost = false;
  // After a failure no further change is stored.
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    last = last.then(work);
    last.catch((error: unknown) => {
      if (!isLost) onLost(error);
      isLost = true;
    });
    return last;
  };
  const flush = (): Promise<void> => {
    if (isQueued || !records.hasChanges()) return last;
    isQueued = true;
    return inTurn(async () => {
      isQueued = false;
      await commit(records.takeChanges());
    });
  };

  void store.lost?.then((error) => void inTurn(() => Promise.reject(error)));

  return {
    flush,
    replace: (next) =>
      inTurn(async () => {
        const remaining = new Set(next.names());
        const gone = records.names().filter((name) => !remaining.has(name));
        records = next;
        await commit([...next.takeChanges(), ...gone.map((name) => ({ name, stored: undefined }))]);
      }),
    async close() {
      try {
        await flush();
      } finally {
        await store.close();
      }
    },
  };
}

/** For records that are in memory only. */
export const MEMORY_LEDGER: Ledger = {
  flush: async () => undefined,
  replace: async () => undefined,
  close: async () => undefined,
};
