import type { KmsKey } from './kms-key.ts';

/** Something that is going to happen to a key by itself. */
export type KeyEvent =
  | { readonly type: 'deletion'; readonly at: Date }
  | { readonly type: 'rotation'; readonly at: Date }
  | { readonly type: 'expiry'; readonly at: Date; readonly versionId: string };

/** What is going to happen to a key first, if anything. */
export function nextEventOf(key: KmsKey): KeyEvent | undefined {
  const { deletion, rotation, versions } = key;
  let next: KeyEvent | undefined;
  const consider = (event: KeyEvent): void => {
    if (!next || event.at < next.at) next = event;
  };
  if (deletion?.at) consider({ type: 'deletion', at: deletion.at });
  if (rotation && isRotated(key)) consider({ type: 'rotation', at: rotation.nextAt });
  for (const { id, expiresAt } of versions) {
    if (expiresAt) consider({ type: 'expiry', at: expiresAt, versionId: id });
  }
  return next;
}

// Only the primary one of related keys is rotated, and only a key that can be used.
function isRotated({ enabled, deletion, region, primaryRegion = region }: KmsKey): boolean {
  return enabled && !deletion && region === primaryRegion;
}
