import type { BranchKeyRecord, BranchKeyRecordType } from './record.ts';

/**
 * Where a branch key store keeps its records. One that is shared by several processes has to give every one of them
 * the same answer at the same time: whoever reads what was replaced wraps with an old key, and whoever writes over
 * what somebody else wrote loses a key and all that it wrapped.
 *
 * All methods reject with `KeyringError` `KEY_SERVICE_…`, or `BRANCH_KEY_INVALID` for what is no record.
 */
export interface BranchKeyStorage {
  /** The record with this id and `type`, `undefined` if there is none. */
  read(branchKeyId: string, type: BranchKeyRecordType): Promise<BranchKeyRecord | undefined>;
  /** Adds the records of a new branch key, all or none. False if one of them was there, and nothing was written. */
  create(records: readonly BranchKeyRecord[]): Promise<boolean>;
  /**
   * Adds `version` and puts `active` in the place of the active record, both or none. False if the wrapped key of
   * the active record was not `replaced` any more, or there was that version, and nothing was written.
   */
  replaceActive(change: ActiveKeyChange): Promise<boolean>;
}

/** The records of a new version, and what they are a change of. */
export interface ActiveKeyChange {
  /** The record of the new version. */
  readonly version: BranchKeyRecord;
  /** The same key as the active record. */
  readonly active: BranchKeyRecord;
  /** The wrapped key of the active record from which the new version was made. */
  readonly replaced: Uint8Array;
}
