import type { ProxyConfig } from '../config/config.ts';
import { selectorName } from '../devices/selector-name.ts';
import type { ProxyLog } from '../log.ts';
import { XksProxyError } from '../proxy-error.ts';
import { currentVersion, lastVersion } from '../stores.ts';
import type { BudgetListener } from './iv-budget.ts';

/** Makes the version of a key that follows `version`; several may ask for the same one. */
export type RotateKey = (key: {
  readonly store: string;
  readonly externalKeyId: string;
  readonly version: number;
}) => Promise<void>;

/**
 * Warns of keys that have encrypted much of what they may, and has them rotated in time if that is configured: one after
 * the other, and where it fails again after a while, as long as the budget tells of it.
 */
export function watchBudget(
  config: () => ProxyConfig,
  log: ProxyLog,
  rotateKey: RotateKey | undefined,
): BudgetListener {
  const quietUntilMs = new Map<string, number>();
  // A token locks itself when it is given the same wrong PIN again and again: another configuration may have another one.
  const refused = new WeakSet<object>();
  const rotate = async (key: string): Promise<void> => {
    for (const { name: store, keys } of config().stores) {
      for (const row of keys) {
        const current = currentVersion(row);
        // Where there is a newer one it only waits for its time.
        if (selectorName(current.selector) !== key || current !== lastVersion(row)) continue;
        if (refused.has(row)) continue;
        const { externalKeyId } = row;
        await rotateKey?.({ store, externalKeyId, version: current.version }).catch((cause: unknown) => {
          log.rotationFailed({ store, externalKeyId }, cause);
          if (cause instanceof XksProxyError && cause.code === 'PIN_REFUSED') refused.add(row);
        });
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

const QUIET_MS = 10_000;
