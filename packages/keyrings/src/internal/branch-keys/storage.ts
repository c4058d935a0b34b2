import type { BranchKeyRecord, BranchKeyRecordType } from './record.ts';

/**
 * Where a branch key store keeps its records. A storage that several processes share has to be strongly consistent: a
 * process that reads a replaced record wraps with an old key, and one that overwrites the record of another process loses
 * a key and all that it wrapped.
 *
 * All methods reject with `KeyringError` `KEY_SERVICE_…`, or `BRANCH_KEY_INVALID` for a malformed record.
 */
export interface BranchKeyStorage {
  /** Resolves to the record with this id and `type`, or `undefined` if there is none. */
  read(branchKeyId: string, type: BranchKeyRecordType): Promise<BranchKeyRecord | undefined>;
  /** Adds the records of a new branch key, all or none. Resolves to false if one existed already, and nothing was written. */
  create(records: readonly BranchKeyRecord[]): Promise<boolean>;
  /**
   * Adds `version` and replaces the active record by `active`, both or none. Resolves to false if the wrapped key of the
   * active record was not `replaced` any more, or that version existed already, and nothing was written.
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
