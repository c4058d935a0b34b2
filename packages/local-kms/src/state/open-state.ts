import type { KeyObject } from 'node:crypto';
import { LocalKmsError } from '../local-kms-error.ts';
import type { Protection } from '../protection/protection.ts';
import type { Store, StoreLocation } from '../store/store.ts';
import { headerText, parseHeader, wrappingBinding } from './header.ts';
import type { NamedRecord } from './records.ts';
import { freshSealingKey, sealingKey, unsealed } from './sealing.ts';

/** Where a KMS stores its state, and what protects it. */
export interface StateOptions {
  /** `directoryStore` or `postgresStore`. */
  readonly store: StoreLocation;
  /** `passphraseProtection` or `tokenProtection`. */
  readonly protection: Protection;
}

/** State that no other process has open. */
export interface OpenState {
  readonly store: Store;
  /** What records are sealed under. */
  readonly key: KeyObject;
  /** How many commits there were: none in a store that is new. */
  readonly version: number;
  readonly records: readonly NamedRecord[];
}

/** Throws TypeError for anything but a store and a protection. */
export function assertStateOptions({ store, protection }: Partial<StateOptions>): void {
  if (typeof store?.open !== 'function') {
    throw new TypeError('state.store: expected directoryStore(…) or postgresStore(…)');
  }
  if (typeof protection?.wrap !== 'function') {
    throw new TypeError('state.protection: expected passphraseProtection(…) or tokenProtection(…)');
  }
}

/** Opens the state of a store, or begins it. Rejects with LocalKmsError. */
export async function openState(
  { store: location, protection }: StateOptions,
  accountId: string,
): Promise<OpenState> {
  const store = await location.open();
  try {
    return (await existing(store, protection, accountId)) ?? (await begun(store, protection, accountId));
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function existing(
  store: Store,
  protection: Protection,
  accountId: string,
): Promise<OpenState | undefined> {
  const snapshot = await store.read();
  if (!snapshot) return undefined;
  const header = parseHeader(snapshot.header);
  if (header.accountId !== accountId) {
    const message = `what is kept is of the account ${header.accountId}, not ${accountId}`;
    throw new LocalKmsError('STATE_OF_OTHER_ACCOUNT', message);
  }
  const key = sealingKey(await protection.unwrap(header.wrappedKey, wrappingBinding(accountId)));
  const records = snapshot.records.map((record) => unsealed(key, record));
  return { store, key, version: snapshot.version, records };
}

async function begun(store: Store, protection: Protection, accountId: string): Promise<OpenState> {
  const bytes = freshSealingKey();
  try {
    const wrappedKey = await protection.wrap(bytes, wrappingBinding(accountId));
    await store.begin({ header: headerText({ accountId, wrappedKey }), version: 0, records: [] });
    return { store, key: sealingKey(bytes), version: 0, records: [] };
  } finally {
    bytes.fill(0);
  }
}
