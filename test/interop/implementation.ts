import type { AlgorithmSuiteId, CommitmentPolicy, EncryptionContext } from '@holdfast/sdk';

/** One implementation of the AWS Encryption SDK with one set of wrapping keys. */
export interface Implementation {
  readonly name: string;
  /** Rejects if the policy, or the keyring, does not allow it. */
  encrypt(plaintext: Uint8Array, options: WriteOptions): Promise<WrittenMessage>;
  decrypt(message: Uint8Array, commitmentPolicy: CommitmentPolicy): Promise<ReadMessage>;
}

/** How to write a message; what is left out is for the implementation to choose. */
export interface WriteOptions {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly encryptionContext?: EncryptionContext;
  readonly suite?: AlgorithmSuiteId;
  readonly frameLength?: number;
}

interface WrittenMessage {
  readonly message: Uint8Array;
  readonly header: HeaderFacts;
}

interface ReadMessage {
  readonly plaintext: Uint8Array;
  readonly header: HeaderFacts;
}

/** What stands in a header, in a form that any two implementations can be compared by. Bytes are in hex. */
export interface HeaderFacts {
  readonly suite: number;
  readonly messageVersion: number;
  readonly messageId: string;
  readonly contentType: 'framed' | 'non-framed';
  readonly frameLength: number;
  readonly commitKey: string;
  readonly encryptionContext: EncryptionContext;
  readonly encryptedDataKeys: readonly {
    readonly providerId: string;
    readonly providerInfo: string;
    readonly ciphertext: string;
  }[];
}

/** All algorithm suites of the Encryption SDK. */
export const suites = [
  0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178, 0x0214, 0x0346, 0x0378, 0x0478, 0x0578,
] as const satisfies readonly AlgorithmSuiteId[];

/** All commitment policies. */
export const commitmentPolicies = [
  'FORBID_ENCRYPT_ALLOW_DECRYPT',
  'REQUIRE_ENCRYPT_ALLOW_DECRYPT',
  'REQUIRE_ENCRYPT_REQUIRE_DECRYPT',
] as const satisfies readonly CommitmentPolicy[];

/** The strictest policy under which messages of this suite can be written and read. */
export function policyFor(suite: AlgorithmSuiteId): CommitmentPolicy {
  return suite >= 0x0478 ? 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT' : 'FORBID_ENCRYPT_ALLOW_DECRYPT';
}
