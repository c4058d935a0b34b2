import type { CommitmentPolicy } from '../commitment-policy.ts';
import type { EncryptionContext } from '../context.ts';
import type { EncryptedDataKey } from '../encrypted-data-key.ts';
import type { DecryptionMaterials, EncryptionMaterials } from '../materials.ts';
import type { AlgorithmSuite } from '../suites.ts';

/** What a client asks for before it writes a message. */
export interface EncryptionMaterialsRequest {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly encryptionContext: EncryptionContext;
  /** Keys that must not be stored in the message; all of them are in the context. */
  readonly requiredEncryptionContextKeys: readonly string[];
  /**
   * Binding: materials for another suite are refused, though the specification lets a CMM choose, for the caller has asked
   * for a signature, or for none. Absent if the CMM is to choose; by default it takes that of the policy.
   */
  readonly suite?: AlgorithmSuite;
  /** Bytes, if known: at most so much will be encrypted. */
  readonly maxPlaintextLength?: number;
  /** Aborted when the caller no longer waits. */
  readonly signal?: AbortSignal;
}

/** What a client asks for when it has read a header. */
export interface DecryptionMaterialsRequest {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly suite: AlgorithmSuite;
  readonly encryptedDataKeys: readonly EncryptedDataKey[];
  /** As stored in the header, not authenticated yet. */
  readonly encryptionContext: EncryptionContext;
  /** What the caller says the context must hold. */
  readonly reproducedEncryptionContext: EncryptionContext;
  /** Aborted when the caller no longer waits. */
  readonly signal?: AbortSignal;
}

/**
 * A cryptographic materials manager (CMM): stands between client and keyring, and decides on encryption context, signing
 * key and, where the caller named none, suite. Whatever it makes of the context, `aws-crypto-public-key` has to be in that
 * of its materials, for either direction, exactly if the suite signs.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/cmm-interface.md
 */
export interface CryptographicMaterialsManager {
  /** Materials that are complete: data key, at least one encrypted data key, signing key for a signing suite. */
  encryptionMaterials(request: EncryptionMaterialsRequest): Promise<EncryptionMaterials>;
  /** Materials that are complete: data key, verification key for a signing suite. */
  decryptionMaterials(request: DecryptionMaterialsRequest): Promise<DecryptionMaterials>;
}

/** All of a CMM that decryption asks for. */
export type DecryptionMaterialsManager = Pick<CryptographicMaterialsManager, 'decryptionMaterials'>;
