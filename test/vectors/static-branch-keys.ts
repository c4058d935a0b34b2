import type { BranchKeySource } from '@holdfast/keyrings/branch-key-store';

/** A branch key with one version, as a manifest has it. */
export interface StaticBranchKey {
  readonly branchKeyId: string;
  readonly branchKeyVersion: string;
  readonly branchKey: Uint8Array;
}

/** A key store of one branch key that never changes. */
export function staticBranchKey({
  branchKeyId,
  branchKeyVersion,
  branchKey,
}: StaticBranchKey): BranchKeySource {
  const read = (id: string, version: string) =>
    id === branchKeyId && version === branchKeyVersion
      ? Promise.resolve({
          branchKeyId,
          branchKeyVersion,
          encryptionContext: {},
          branchKey: Uint8Array.from(branchKey),
        })
      : Promise.reject(new Error('no such branch key'));
  return {
    logicalKeyStoreName: 'vectors',
    activeBranchKey: (id) => read(id, branchKeyVersion),
    branchKeyVersion: read,
  };
}
