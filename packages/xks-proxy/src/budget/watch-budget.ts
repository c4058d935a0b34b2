import type { ProxyConfig, TokenConfig } from '../config/config.ts';
import { currentVersion, lastVersion } from '../config/key-versions.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import { selectorName } from '../devices/key-selector.ts';
import type { ProxyLog } from '../log.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { BudgetListener } from './iv-budget.ts';

/** Makes the version of a key that follows `version`; several callers may ask for the same one. It always settles. */
export type RotateKey = (key: {
  readonly store: string;
  readonly externalKeyId: string;
  readonly version: number;
}) => Promise<void>;

/**
 * Logs keys that have used much of their budget, and has them rotated in time if that is configured: on a token one after
 * the other, and none with a PIN that was refused to another. A rotation that failed is tried again after a while, as long
 * as the budget calls the listener. Without `rotateKey` nothing is rotated, which the log has told at the start.
 */
export function watchBudget(
  config: () => ProxyConfig,
  log: ProxyLog,
  rotateKey: RotateKey | undefined,
): BudgetListener {
  const quietUntilMs = new Map<string, number>();
  // A token locks itself when the same wrong PIN is offered again and again. Another configuration may have another PIN.
  const refused: TokenConfig[] = [];
  /** The last rotation on each token, by its name. */
  const turns = new Map<string, Promise<void>>();
  const tokensOf = ({ tokens: names }: StoreKeyConfig): readonly TokenConfig[] =>
    config().tokens.filter(({ name }) => names?.includes(name) ?? true);
  const tryRow = async (store: string, row: StoreKeyConfig): Promise<void> => {
    const tokens = tokensOf(row);
    if (tokens.some((token) => refused.some((other) => isSameOffer(token, other)))) return;
    const { externalKeyId } = row;
    const { version } = currentVersion(row);
    await rotateKey?.({ store, externalKeyId, version }).catch((cause: unknown) => {
      log.rotationFailed({ store, externalKeyId }, cause);
      // It is not known which of the tokens refused its PIN.
      if (cause instanceof XksProxyError && cause.code === 'PIN_REFUSED') refused.push(...tokens);
    });
  };
  const rotate = async (key: string): Promise<void> => {
    for (const { name: store, keys } of config().stores) {
      for (const row of keys) {
        const current = currentVersion(row);
        // A newer version only waits for its time to encrypt.
        if (selectorName(current.selector) !== key || current !== lastVersion(row)) continue;
        // The rotation before it may show that the PIN is wrong.
        const names = tokensOf(row).map(({ name }) => name);
        const turn = Promise.all(names.flatMap((name) => turns.get(name) ?? [])).then(() =>
          tryRow(store, row),
        );
        for (const name of names) turns.set(name, turn);
        await turn;
      }
    }
  };
  return (stage, selector, used) => {
    const key = selectorName(selector);
    if (stage === 'nearly-used') {
      if (performance.now() < (quietUntilMs.get(key) ?? 0)) return;
      quietUntilMs.set(key, Number.POSITIVE_INFINITY);
    }
    const { limit, atLimit } = config().ivBudget;
    log.ivBudget({ stage, key, used, limit });
    if (stage !== 'nearly-used') return;
    const tried = atLimit === 'rotate' ? rotate(key) : Promise.resolve();
    void tried.finally(() => quietUntilMs.set(key, performance.now() + QUIET_MS));
  };
}

/** Whether both, in any configuration, are the same token with the same PIN. */
const isSameOffer = (a: TokenConfig, b: TokenConfig) =>
  a.module === b.module && JSON.stringify(a.selector) === JSON.stringify(b.selector) && a.pin.equals(b.pin);

const QUIET_MS = 10_000;
