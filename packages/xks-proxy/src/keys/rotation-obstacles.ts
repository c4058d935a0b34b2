import { dirname } from 'node:path';
import type { ProxyConfig } from '../config/config.ts';
import { lockOf } from '../files/file-lock.ts';
import { isWritable } from '../files/writable.ts';

/** A store whose keys cannot rotate at the limit, and why. */
interface RotationObstacle {
  readonly store: string;
  readonly problem: string;
}

/**
 * The stores whose keys are configured to rotate at the limit, and could not be rotated by this process: a lock and a draft
 * go beside the file of keys, or beside its target if it is a link.
 *
 * @param rotates whether this program rotates keys at all, as `xks-proxy serve` does
 */
export function rotationObstacles(
  { ivBudget, stores }: ProxyConfig,
  rotates = true,
): readonly RotationObstacle[] {
  if (ivBudget.atLimit !== 'rotate') return [];
  return stores.flatMap(({ name: store, keys, keysFile }) => {
    if (keys.length === 0) return [];
    if (!rotates) return [{ store, problem: 'only `xks-proxy serve` rotates keys' }];
    const folder = keysFile === undefined ? undefined : dirname(lockOf(keysFile));
    if (folder === undefined) return [{ store, problem: 'it has no keys_file' }];
    return isWritable(folder) ? [] : [{ store, problem: `${folder} cannot be written` }];
  });
}
