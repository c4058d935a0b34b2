import { type MovableClock, movableClock } from './clock.ts';
import type { Account } from './kms.ts';
import { clockOffsetKind } from './state/kinds/clock-offset.ts';
import { createLedger, type Ledger, MEMORY_LEDGER } from './state/ledger.ts';
import { openState, type StateOptions } from './state/open-state.ts';
import { ALL_REGIONS, createRecords, type NamedRecord, type Records } from './state/records.ts';

/**
 * The account of a KMS as it is by now: a restart finds it again where it is kept, and a reset makes another one. It is
 * opened, reset and closed in the order of the calls, one after the other.
 */
export interface CurrentAccount {
  account(): Account;
  /** Throws RangeError as the clock does, and TypeError for an account that is kept and not open. */
  advanceClock(milliseconds: number): void;
  /** Opens what is kept, or begins it with the seed, unless it is open. Rejects as `openState` and `plant` do. */
  open(): Promise<void>;
  /**
   * Resolves when every change so far is in the store; at once in memory. Rejects with LocalKmsError, and with TypeError for an
   * account that is kept and not open.
   */
  flush(): Promise<void>;
  /** Puts an account with nothing but the seed in the place of this one. Rejects as `flush` does. */
  reset(): Promise<void>;
  /** Lets go of where it is kept, if it is open. What is in memory only stays. */
  close(): Promise<void>;
}

/** What makes accounts, and where they are kept. */
export interface CurrentAccountOptions {
  /** 12 digits. */
  readonly accountId: string;
  /** undefined for an account in memory. */
  readonly state: StateOptions | undefined;
  /** An account with what is in the records. */
  readonly create: (records: Records, clock: MovableClock) => Account;
  /** Adds what a new account begins with. */
  readonly plant: (account: Account) => Promise<void>;
  /** Told when something could not be kept, once. */
  readonly onLost: (error: unknown) => void;
}

/** An account with nothing in it, which is not kept until it is opened. */
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
      // Without a ledger yet: of a seed that cannot be planted nothing is kept, and the next one finds new state.
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

/** Of an account that is kept, while it is not open: what changes then would be lost. */
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
