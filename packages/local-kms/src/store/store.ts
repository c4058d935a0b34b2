import type { LocalKmsError } from '../local-kms-error.ts';

/** A record as an engine holds it: a name, and bytes that only the holder of the key can read. */
export interface SealedRecord {
  readonly name: string;
  /** The version of the commit that wrote it. */
  readonly version: number;
  readonly body: Uint8Array;
}

/** What one commit does to a record; without a body it is gone. */
export interface SealedChange {
  readonly name: string;
  readonly body: Uint8Array | undefined;
}

/** Everything that a store holds at one time. What a store begins with, and what a backup is. */
export interface Snapshot {
  /** What the records are sealed under, as text of one line. */
  readonly header: string;
  /** How many commits there were. */
  readonly version: number;
  readonly records: readonly SealedRecord[];
}

/**
 * An engine that holds records, for one process at a time. All methods reject with LocalKmsError `STORE_UNAVAILABLE`
 * when the disk or the database refuses.
 */
export interface Store {
  /** What there is; undefined in a store that is new. Rejects with `STATE_CORRUPT` or `STATE_OF_OTHER_VERSION`. */
  read(): Promise<Snapshot | undefined>;
  /** Begins a new store with a snapshot. Rejects with `STATE_EXISTS` for one that is not new. */
  begin(snapshot: Snapshot): Promise<void>;
  /**
   * Makes changes, all of them or none, and resolves when they outlive the machine. `version` is one more than that
   * of the commit before. One call at a time; after one that was rejected the store cannot be used any more.
   */
  commit(version: number, changes: readonly SealedChange[]): Promise<void>;
  /** Resolves if the store is lost between calls. Absent from stores that cannot be. */
  readonly lost?: Promise<LocalKmsError>;
  /** Releases the store for another process. */
  close(): Promise<void>;
}

/** Where a store is. */
export interface StoreLocation {
  /** Takes the store for this process. Rejects with LocalKmsError `STATE_IN_USE` or `STORE_UNAVAILABLE`. */
  open(): Promise<Store>;
  /** What there is, whether or not a process has the store. Rejects as `Store.read` does. */
  read(): Promise<Snapshot | undefined>;
}
