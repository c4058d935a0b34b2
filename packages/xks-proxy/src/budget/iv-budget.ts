import type { IvBudgetConfig } from '../config/iv-budget.ts';
import type { KeyDevice } from '../devices/key-device.ts';
import { type DeviceKeySelector, selectorName } from '../devices/key-selector.ts';
import { XksProxyError } from '../proxy-error.ts';
import { XksException } from '../xks-exception.ts';
import { type CountsDirectory, DAMAGED_COUNTS_REMEDY, openCountsDirectory } from './counts-directory.ts';

/**
 * Counts how often the keys of the tokens have encrypted. Under one key no more than 2^32 messages may get a random
 * initialization vector of 12 bytes (NIST SP 800-38D, 8.3): a repeated vector reveals the authentication key.
 */
export interface IvBudget {
  readonly limit: number;
  /** Wraps a device: each encryption is counted before it is made. */
  over(device: KeyDevice): KeyDevice;
  /** The number of encryptions under a key by all processes that share the folder: never too low. */
  used(selector: DeviceKeySelector): number;
  /** Whether the last counts could not be written to the folder: no key encrypts before they can. */
  isFailing(): boolean;
  /**
   * Gives back reserved counts that were not used; if that cannot be written, they count as used. No key encrypts after it.
   */
  close(): void;
}

/**
 * Called when half of the limit is used, and when it is time for another key: for that again with each block that is
 * reserved, and with each encryption that is refused.
 */
export type BudgetListener = (
  stage: 'half' | 'nearly-used',
  selector: DeviceKeySelector,
  used: number,
) => void;

/**
 * Opens the budget, which goes on from the counts in the folder. Counts are reserved there in blocks, on the disk, before
 * the first of a block is used; once that fails for one key, no key encrypts before it succeeds again. Throws XksProxyError
 * `CONFIG_INVALID` for a folder that cannot be made, read or written, or has a damaged file.
 */
export function openIvBudget({ limit, stateDirectory }: IvBudgetConfig, listener: BudgetListener): IvBudget {
  const { counts, inherited, sum } = stateDirectory === undefined ? IN_MEMORY : countsIn(stateDirectory);
  const blockSize = Math.max(1, Math.min(MAX_BLOCK, Math.floor(limit / MIN_BLOCKS)));
  const accounts = new Map<string, Account>();
  let others = sum;
  let folder: 'works' | 'fails' | 'closed' = 'works';
  for (const [name, count] of inherited) accounts.set(name, { used: count, reserved: count, told: 0 });

  const accountOf = (name: string): Account => {
    const account = accounts.get(name) ?? { used: 0, reserved: 0, told: 0 };
    accounts.set(name, account);
    return account;
  };
  const countsBy = (field: 'used' | 'reserved') =>
    new Map([...accounts].map(([name, account]) => [name, account[field]]));
  const usedOf = (name: string): number => (others.get(name) ?? 0) + (accounts.get(name)?.used ?? 0);
  const reserve = (account: Account): void => {
    account.reserved += blockSize;
    try {
      counts.write(countsBy('reserved'));
      others = counts.others();
      folder = 'works';
    } catch (cause) {
      account.reserved -= blockSize;
      folder = 'fails';
      throw uncounted(cause);
    }
  };
  const spend = (selector: DeviceKeySelector): void => {
    if (folder === 'closed') throw uncounted();
    const name = selectorName(selector);
    const account = accountOf(name);
    if (account.used === account.reserved || folder === 'fails') {
      reserve(account);
      account.told = Math.min(account.told, STAGES.length - 1);
    }
    const used = usedOf(name) + 1;
    if (used > limit) {
      listener('nearly-used', selector, used - 1);
      throw new XksException('InvalidStateException', 'The external key has to be rotated.', {
        reason: KEY_IS_USED,
      });
    }
    account.used += 1;
    for (const [index, { stage, share }] of STAGES.entries()) {
      if (used < share * limit || account.told > index) continue;
      account.told = index + 1;
      listener(stage, selector, used);
    }
  };
  return {
    limit,
    over: (device) => ({
      ...device,
      async encrypt(input, options) {
        spend(input.selector);
        return device.encrypt(input, options);
      },
      async encryptChecked(input, options) {
        spend(input.selector);
        return device.encryptChecked(input, options);
      },
    }),
    used: (selector) => usedOf(selectorName(selector)),
    isFailing: () => folder === 'fails',
    close() {
      if (folder === 'closed') return;
      folder = 'closed';
      try {
        counts.leave(countsBy('used'));
      } catch {
        // The count in the folder stays too high, which is safe.
      }
    },
  };
}

function countsIn(directory: string): Counts {
  try {
    const { counts, inherited } = openCountsDirectory(directory);
    return { counts, inherited, sum: counts.others() };
  } catch (cause) {
    if (cause instanceof XksProxyError)
      throw new XksProxyError(cause.code, `${cause.message}: ${DAMAGED_COUNTS_REMEDY}`, { cause });
    const [reason] = cause instanceof Error ? cause.message.split('\n') : [];
    const text = `iv_budget.state_dir: counts cannot be kept in ${directory} (${reason})`;
    throw new XksProxyError('CONFIG_INVALID', text, { cause });
  }
}

/** Whether an encryption failed because the limit of its key is reached: no device was asked. */
export function isKeyUsed(error: unknown): boolean {
  return error instanceof XksException && error.reason === KEY_IS_USED;
}

/** Whether an encryption failed because it could not be counted: no device was asked. */
export function isUncounted(error: unknown): error is XksException {
  return error instanceof XksException && error.reason === KEY_IS_UNCOUNTED;
}

function uncounted(cause?: unknown): XksException {
  return new XksException('InternalException', 'The external key store proxy failed.', {
    reason: KEY_IS_UNCOUNTED,
    cause,
  });
}

interface Counts {
  readonly counts: CountsDirectory;
  readonly inherited: ReadonlyMap<string, number>;
  /** The sum of all other processes at the start. */
  readonly sum: ReadonlyMap<string, number>;
}

interface Account {
  used: number;
  /** Written to the folder: up to this count, nothing has to be written. */
  reserved: number;
  /** The number of stages that the listener was called for. */
  told: number;
}

const STAGES = [
  { stage: 'half', share: 1 / 2 },
  { stage: 'nearly-used', share: 7 / 8 },
] as const;
const KEY_IS_USED = 'iv-budget-used';
const KEY_IS_UNCOUNTED = 'iv-budget-unavailable';
const MAX_BLOCK = 65_536;
const MIN_BLOCKS = 1024;
const NOTHING: ReadonlyMap<string, number> = new Map();
const IN_MEMORY: Counts = {
  counts: { write: () => undefined, leave: () => undefined, others: () => NOTHING },
  inherited: NOTHING,
  sum: NOTHING,
};
