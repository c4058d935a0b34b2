import { dirname } from 'node:path';
import type { ProxyConfig } from '../config/config.ts';
import { lockOf } from '../files/file-lock.ts';
import { isWritable } from '../files/writable.ts';

/** Why the keys of a store cannot rotate at the limit. */
interface RotationObstacle {
  readonly store: string;
  readonly problem: string;
}

/**
 * The stores whose keys this process could not rotate when they reach the limit, where they are to: a lock and a draft go
 * beside the file of keys, or beside what it leads to.
 */
export function rotationObstacles({ ivBudget, stores }: ProxyConfig): readonly RotationObstacle[] {
  if (ivBudget.atLimit !== 'rotate') return [];
  return stores.flatMap(({ name: store, keys, keysFile }) => {
    if (keys.length === 0) return [];
    const folder = keysFile === undefined ? undefined : dirname(lockOf(keysFile));
    if (folder === undefined) return [{ store, problem: 'it has no keys_file' }];
    return isWritable(folder) ? [] : [{ store, problem: `${folder} cannot be written` }];
  });
}
