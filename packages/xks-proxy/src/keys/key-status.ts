import type { StoreKeyConfig } from '../config/keys.ts';
import type { StorePlace } from '../config/store-place.ts';
import { XksProxyError } from '../proxy-error.ts';
import { editKey, keyIn } from './edit-keys.ts';

/** A change of the state of a key by an operator. */
export type StatusChange = keyof typeof STATUS_CHANGES;

/** The states from which each change leads, and the state to which. Only `unblock` lifts a block. */
export const STATUS_CHANGES = {
  enable: { from: ['DISABLED'], to: 'ENABLED', does: 'let KMS use a disabled key again' },
  disable: { from: ['ENABLED'], to: 'DISABLED', does: 'answer that the key is disabled' },
  block: { from: ['ENABLED', 'DISABLED'], to: 'BLOCKED', does: 'refuse every request for the key, at once' },
  // Nothing records whether the key was enabled before the block.
  unblock: {
    from: ['BLOCKED'],
    to: 'DISABLED',
    does: 'lift a block; the key stays disabled until it is enabled',
  },
} as const satisfies Record<
  string,
  { from: readonly StoreKeyConfig['status'][]; to: StoreKeyConfig['status']; does: string }
>;

/** Changes the state of a key; does nothing if it has that state already. Rejects with XksProxyError as `editKey`. */
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
