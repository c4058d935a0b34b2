import type { ProxyConfig } from '../config/config.ts';
import { selectorName } from '../devices/selector-name.ts';
import type { ProxyLog } from '../log.ts';
import { currentVersion, lastVersion } from '../stores.ts';
import type { BudgetListener } from './iv-budget.ts';

/** Makes the version of a key that follows `version`; several may ask for the same one. */
export type RotateKey = (key: {
  readonly store: string;
  readonly externalKeyId: string;
  readonly version: number;
}) => Promise<void>;

/** Warns of keys that have encrypted much of what they may, and has them rotated in time if that is configured. */
export function watchBudget(
  config: () => ProxyConfig,
  log: ProxyLog,
  rotateKey: RotateKey | undefined,
): BudgetListener {
  return (stage, selector, used) => {
    const key = selectorName(selector);
    const { ivBudget, stores } = config();
    log.ivBudget({ stage, key, used, limit: ivBudget.limit });
    if (stage !== 'nearly-used' || ivBudget.atLimit !== 'rotate') return;
    for (const { name: store, keys } of stores) {
      for (const row of keys) {
        const current = currentVersion(row);
        // Where there is a newer one it only waits for its time.
        if (selectorName(current.selector) !== key || current !== lastVersion(row)) continue;
        const { externalKeyId } = row;
        rotateKey?.({ store, externalKeyId, version: current.version }).catch((cause: unknown) =>
          log.rotationFailed({ store, externalKeyId }, cause),
        );
      }
    }
  };
}
