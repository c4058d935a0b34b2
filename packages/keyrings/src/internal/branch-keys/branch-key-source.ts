import type { BranchKeyMaterials } from '@holdfast/sdk/spi';

/**
 * What a hierarchical keyring asks for branch keys. Every call resolves to a key in memory of its own, for the caller to
 * wipe, and rejects with `KeyringError`; any other error counts as an outage.
 */
export interface BranchKeySource {
  /** Bound to every key of the store, and not empty. Tells key stores apart in a cache that several keyrings share. */
  readonly logicalKeyStoreName: string;
  /** The version of the branch key that new data keys are wrapped with. */
  activeBranchKey(branchKeyId: string): Promise<BranchKeyMaterials>;
  /** A version of the branch key, by its UUID as text in lower case: the active one, or an earlier one. */
  branchKeyVersion(branchKeyId: string, version: string): Promise<BranchKeyMaterials>;
}
