import type { IvBudgetConfig } from '../config/iv-budget.ts';
import type { DeviceKeySelector, KeyDevice } from '../devices/key-device.ts';
import { selectorName } from '../devices/selector-name.ts';
import { XksException } from '../errors.ts';
import { XksProxyError } from '../proxy-error.ts';
import { type CountsDirectory, openCountsDirectory } from './counts-directory.ts';

/**
 * How often the keys of the tokens have encrypted. Under one key no more than 2^32 messages may get a random
 * initialization vector of 12 bytes (NIST SP 800-38D, 8.3): a repeated one gives the key for authentication away.
 */
export interface IvBudget {
  readonly limit: number;
  /** The device, with every encryption counted before it is made. */
  over(device: KeyDevice): KeyDevice;
  /** Encryptions under a key so far, by all processes that share the folder: never fewer than there were. */
  used(selector: DeviceKeySelector): number;
  /** Gives back what was reserved and not used; where that cannot be written, it counts as used. */
  close(): void;
}

/**
 * Who is told how much is used: at half, and when it is time for another key. Of that again with each block that is
 * reserved, and with each encryption that is refused.
 */
export type BudgetListener = (
  stage: 'half' | 'nearly-used',
  selector: DeviceKeySelector,
  used: number,
) => void;

/**
 * Counts from what the folder says on. Counts are reserved there in blocks, on the disk, before the first of them is
 * used. Throws XksProxyError `CONFIG_INVALID` for a folder that cannot be made or read.
 */
export function openIvBudget({ limit, stateDirectory }: IvBudgetConfig, listener: BudgetListener): IvBudget {
  const { counts, inherited, sum } = stateDirectory === undefined ? IN_MEMORY : countsIn(stateDirectory);
  const blockSize = Math.max(1, Math.min(MAX_BLOCK, Math.floor(limit / MIN_BLOCKS)));
  const accounts = new Map<string, Account>();
  let others = sum;
  for (const [name, count] of inherited) accounts.set(name, { used: count, reserved: count, told: 0 });

  const accountOf = (name: string): Account => {
    const account = accounts.get(name) ?? { used: 0, reserved: 0, told: 0 };
    accounts.set(name, account);
    return account;
  };
  const write = (countOf: (account: Account) => number): void =>
    counts.write(new Map([...accounts].map(([name, account]) => [name, countOf(account)])));
  const usedOf = (name: string): number => (others.get(name) ?? 0) + (accounts.get(name)?.used ?? 0);
  const reserve = (account: Account): void => {
    account.reserved += blockSize;
    try {
      write(({ reserved }) => reserved);
      others = counts.others();
    } catch (cause) {
      account.reserved -= blockSize;
      throw new XksException('InternalException', 'The external key store proxy failed.', {
        reason: REASONS.unavailable,
        cause,
      });
    }
  };
  const spend = (selector: DeviceKeySelector): void => {
    const name = selectorName(selector);
    const account = accountOf(name);
    if (account.used === account.reserved) {
      reserve(account);
      account.told = Math.min(account.told, STAGES.length - 1);
    }
    const used = usedOf(name) + 1;
    if (used > limit) {
      listener('nearly-used', selector, used - 1);
      throw new XksException('InvalidStateException', 'The external key has to be rotated.', {
        reason: REASONS.used,
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
      name: device.name,
      async key(selector, options) {
        const key = await device.key(selector, options);
        return {
          usages: key.usages,
          async encrypt(input, callOptions) {
            spend(selector);
            return key.encrypt(input, callOptions);
          },
          decrypt: (input, callOptions) => key.decrypt(input, callOptions),
        };
      },
      ping: (options) => device.ping(options),
    }),
    used: (selector) => usedOf(selectorName(selector)),
    close() {
      try {
        write(({ used }) => used);
      } catch {
        // It stays too much, which is the safe side.
      }
    },
  };
}

function countsIn(directory: string): Counts {
  try {
    const { counts, inherited } = openCountsDirectory(directory);
    return { counts, inherited, sum: counts.others() };
  } catch (cause) {
    const [reason] = cause instanceof Error ? cause.message.split('\n') : [];
    const text = `iv_budget.state_dir: counts cannot be kept in ${directory} (${reason})`;
    throw new XksProxyError('CONFIG_INVALID', text, { cause });
  }
}

/** Whether an encryption failed because it could not be counted, or would have been one too many: no device was asked. */
export function isBudgetFailure(error: unknown): boolean {
  return error instanceof XksException && Object.values<unknown>(REASONS).includes(error.reason);
}

interface Counts {
  readonly counts: CountsDirectory;
  readonly inherited: ReadonlyMap<string, number>;
  /** Of all others at the start. */
  readonly sum: ReadonlyMap<string, number>;
}

interface Account {
  used: number;
  /** Of which nobody needs to know before it is reached. */
  reserved: number;
  /** How many stages were told. */
  told: number;
}

const STAGES = [
  { stage: 'half', share: 1 / 2 },
  { stage: 'nearly-used', share: 7 / 8 },
] as const;
const REASONS = { used: 'iv-budget-used', unavailable: 'iv-budget-unavailable' } as const;
const MAX_BLOCK = 65_536;
const MIN_BLOCKS = 1024;
const NOTHING: ReadonlyMap<string, number> = new Map();
const IN_MEMORY: Counts = {
  counts: { write: () => undefined, others: () => NOTHING },
  inherited: NOTHING,
  sum: NOTHING,
};
