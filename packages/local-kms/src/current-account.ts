import { type MovableClock, movableClock } from './clock.ts';
import type { Account } from './kms.ts';
import { clockOffsetKind } from './state/kinds/clock-offset.ts';
import { createLedger, MEMORY_LEDGER } from './state/ledger.ts';
import { openState, type StateOptions } from './state/open-state.ts';
import { ALL_REGIONS, createRecords, type NamedRecord, type Records } from './state/records.ts';

/** The account of a KMS as it is by now: a restart finds it again where it is kept, and a reset makes another one. */
export interface CurrentAccount {
  account(): Account;
  clock(): MovableClock;
  /** Opens what is kept, or begins it with the seed. Once, until it is closed. Rejects as `openState` and `plant` do. */
  open(): Promise<void>;
  /** Resolves when all changes up to now are kept; at once in memory. Rejects with LocalKmsError. */
  settled(): Promise<void>;
  /** Puts an account with nothing but the seed in the place of this one. Rejects with TypeError unless it is open. */
  reset(): Promise<void>;
  /** Lets go of where it is kept. What is in memory only stays. */
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
  let current = begin();
  let ledger = MEMORY_LEDGER;
  let opened: Promise<void> | undefined;

  const openKept = async (where: StateOptions): Promise<{ readonly isNew: boolean }> => {
    const kept = await openState(where, accountId);
    try {
      current = begin(kept.records);
    } catch (error) {
      await kept.store.close();
      throw error;
    }
    ledger = createLedger(kept, current.records, onLost);
    connectAgain(current.account);
    return { isNew: kept.version === 0 };
  };
  const open = async (): Promise<void> => {
    try {
      const { isNew } = state ? await openKept(state) : { isNew: true };
      if (isNew) await plant(current.account);
      await ledger.settled();
    } catch (error) {
      current = begin();
      await close();
      throw error;
    }
  };
  const close = async (): Promise<void> => {
    const closing = ledger;
    ledger = MEMORY_LEDGER;
    opened = undefined;
    await closing.close();
  };

  return {
    account: () => current.account,
    clock: () => current.clock,
    open() {
      opened ??= open();
      return opened;
    },
    settled: () => ledger.settled(),
    async reset() {
      if (state && !opened) throw new TypeError('reset: expected a KMS that listens');
      await connectionsSettled(current.account);
      const next = begin();
      await plant(next.account);
      await ledger.replace(next.records);
      current = next;
    },
    async close() {
      await connectionsSettled(current.account);
      if (state) await close();
    },
  };
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
