import type { StoreKeyConfig } from '../config/keys.ts';
import { XksProxyError } from '../proxy-error.ts';
import { editKey, keyIn, type StorePlace } from './edit-keys.ts';

/** What an operator can do to the state of a key. */
export type StatusChange = keyof typeof STATUS_CHANGES;

/** From which states each change leads, and where to. A block is lifted by `unblock` alone. */
export const STATUS_CHANGES = {
  enable: { from: ['DISABLED'], to: 'ENABLED', does: 'let KMS use a disabled key again' },
  disable: { from: ['ENABLED'], to: 'DISABLED', does: 'answer that the key is disabled' },
  block: { from: ['ENABLED', 'DISABLED'], to: 'BLOCKED', does: 'refuse every request for the key, at once' },
  // Nothing says any more whether it was enabled before.
  unblock: {
    from: ['BLOCKED'],
    to: 'DISABLED',
    does: 'lift a block; the key stays disabled until it is enabled',
  },
} as const satisfies Record<
  string,
  { from: readonly StoreKeyConfig['status'][]; to: StoreKeyConfig['status']; does: string }
>;

/** Changes the state of a key; where it is as wanted, nothing happens. Rejects with XksProxyError as `editKey`. */
export async function changeStatus(
  place: StorePlace,
  externalKeyId: string,
  change: StatusChange,
): Promise<void> {
  const { from, to }: { from: readonly string[]; to: StoreKeyConfig['status'] } = STATUS_CHANGES[change];
  await editKey(place, (before) => {
    const key = keyIn(before, externalKeyId);
    if (key.status !== to && !from.includes(key.status)) {
      const text = `${externalKeyId} is ${key.status}, and ${change} is for one that is ${from.join(' or ')}`;
      throw new XksProxyError('CHANGE_REFUSED', text);
    }
    return { ...key, status: to };
  });
}
