import { type MovableClock, movableClock } from './clock.ts';
import type { Account } from './kms.ts';
import { clockOffsetKind } from './state/kinds/clock-offset.ts';
import { createLedger, type Ledger, MEMORY_LEDGER } from './state/ledger.ts';
import { openState, type StateOptions } from './state/open-state.ts';
import { ALL_REGIONS, createRecords, type NamedRecord, type Records } from './state/records.ts';

/**
 * The current account of a KMS: a restart opens it again from its store, and a reset puts another one in its place. Calls
 * that open, reset and close it take effect one after the other, in their order.
 */
export interface CurrentAccount {
  account(): Account;
  /** Throws RangeError as the clock does, and TypeError for an account with a store that is not open. */
  advanceClock(milliseconds: number): void;
  /** Opens the state in the store, or begins it with the seed, unless it is open. Rejects as `openState` and `plant` do. */
  open(): Promise<void>;
  /**
   * Resolves when every change so far is in the store; at once for an account in memory. Rejects with LocalKmsError, and with
   * TypeError for an account with a store that is not open.
   */
  flush(): Promise<void>;
  /** Puts an account with nothing but the seed in the place of this one. Rejects as `flush` does. */
  reset(): Promise<void>;
  /** Closes the store, if it is open. An account in memory stays. */
  close(): Promise<void>;
}

/** How accounts are made, and where they are stored. */
export interface CurrentAccountOptions {
  /** 12 digits. */
  readonly accountId: string;
  /** undefined for an account in memory. */
  readonly state: StateOptions | undefined;
  /** An account with what is in the records. */
  readonly create: (records: Records, clock: MovableClock) => Account;
  /** Adds what a new account begins with. */
  readonly plant: (account: Account) => Promise<void>;
  /** Called once, with the first error, when a change could not be stored. */
  readonly onLost: (error: unknown) => void;
}

/** An empty account, which is not stored until it is opened. */
export function createCurrentAccount(options: CurrentAccountOptions): CurrentAccount {
  const { accountId, state, create, plant, onLost } = options;
  const begin = (initial: readonly NamedRecord[] = []) => {
    const records = createRecords({ initial, isKept: state !== undefined });
    const clock = movableClock(records.table(clockOffsetKind, ALL_REGIONS));
    const account = create(records, clock);
    records.assertAllClaimed();
    return { records, clock, account };
  };
  const closed = state ? CLOSED_LEDGER : MEMORY_LEDGER;
  let current = begin();
  let ledger = closed;
  let isOpen = false;

  const assertOpen = (): void => {
    if (state && !isOpen) throw notListening();
  };
  let last = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    last = last.then(work, work);
    return last;
  };
  const openKept = async (where: StateOptions): Promise<void> => {
    const kept = await openState(where, accountId);
    try {
      current = begin(kept.records);
      // Before there is a ledger: a seed that fails leaves nothing in the store, and the next process finds new state.
      if (kept.version === 0) await plant(current.account);
    } catch (error) {
      await kept.store.close();
      throw error;
    }
    ledger = createLedger(kept, current.records, onLost);
    connectAgain(current.account);
  };
  const letGo = async (): Promise<void> => {
    const closing = ledger;
    ledger = closed;
    isOpen = false;
    await closing.close();
  };

  return {
    account: () => current.account,
    advanceClock(milliseconds) {
      assertOpen();
      current.clock.advance(milliseconds);
    },
    open: () =>
      inTurn(async () => {
        if (isOpen) return;
        try {
          await (state ? openKept(state) : plant(current.account));
          await ledger.flush();
          isOpen = true;
        } catch (error) {
          current = begin();
          await letGo();
          throw error;
        }
      }),
    flush: () => ledger.flush(),
    reset: () =>
      inTurn(async () => {
        assertOpen();
        await connectionsSettled(current.account);
        const next = begin();
        await plant(next.account);
        await ledger.replace(next.records);
        current = next;
        isOpen = true;
      }),
    close: () =>
      inTurn(async () => {
        if (!isOpen) return;
        await connectionsSettled(current.account);
        if (state) await letGo();
      }),
  };
}

/** The ledger of an account with a store, while that is not open: a change would be lost. */
const CLOSED_LEDGER: Ledger = {
  flush: () => Promise.reject(notListening()),
  replace: () => Promise.reject(notListening()),
  close: async () => undefined,
};

function notListening(): TypeError {
  return new TypeError('state: expected a KMS that listens');
}

/** Goes on with the attempts to connect key stores that were under way when a process ended. */
function connectAgain({ ids, ...account }: Account): void {
  for (const { customKeyStores, connections } of account.regions()) {
    for (const { id, connection } of customKeyStores.list()) {
      if (connection.state === 'CONNECTING') connections.start(id, ids.uuid('request'));
    }
  }
}

/** Waits for the attempts to connect key stores that are under way. */
async function connectionsSettled(account: Account): Promise<void> {
  await Promise.all(account.regions().map(({ connections }) => connections.settled()));
}
