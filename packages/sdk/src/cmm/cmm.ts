import type { CommitmentPolicy } from '../commitment-policy.ts';
import type { EncryptionContext } from '../context.ts';
import type { EncryptedDataKey } from '../encrypted-data-key.ts';
import type { DecryptionMaterials, EncryptionMaterials } from '../materials.ts';
import type { AlgorithmSuite } from '../suites.ts';

/** The request of a client that is about to write a message. */
export interface EncryptionMaterialsRequest {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly encryptionContext: EncryptionContext;
  /** Keys of pairs that must not be stored in the message; the context has all of them. */
  readonly requiredEncryptionContextKeys: readonly string[];
  /**
   * The suite that the caller named. Materials for another suite are refused, though the specification lets a CMM
   * choose, because the caller has asked for a signature, or for none. Absent if the CMM is to choose; the default CMM
   * takes the suite of the policy.
   */
  readonly suite?: AlgorithmSuite;
  /** Upper bound of the plaintext in bytes, if known. */
  readonly maxPlaintextLength?: number;
  /** Aborted when the caller no longer waits. */
  readonly signal?: AbortSignal;
}

/** The request of a client that has read a header. */
export interface DecryptionMaterialsRequest {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly suite: AlgorithmSuite;
  readonly encryptedDataKeys: readonly EncryptedDataKey[];
  /** As stored in the header, not authenticated yet. */
  readonly encryptionContext: EncryptionContext;
  /** Pairs that the context must have, according to the caller. */
  readonly reproducedEncryptionContext: EncryptionContext;
  /** Aborted when the caller no longer waits. */
  readonly signal?: AbortSignal;
}

/**
 * A cryptographic materials manager (CMM) stands between client and keyring, and decides on encryption context, signing
 * key and, if the caller named none, suite. It may change the context, but in either direction the context of its
 * materials must have `aws-crypto-public-key` exactly if the suite signs.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/cmm-interface.md
 */
export interface CryptographicMaterialsManager {
  /** Resolves to complete materials: data key, at least one encrypted data key, signing key for a signing suite. */
  encryptionMaterials(request: EncryptionMaterialsRequest): Promise<EncryptionMaterials>;
  /** Resolves to complete materials: data key, verification key for a signing suite. */
  decryptionMaterials(request: DecryptionMaterialsRequest): Promise<DecryptionMaterials>;
}

/** The part of a CMM that decryption uses. */
export type DecryptionMaterialsManager = Pick<CryptographicMaterialsManager, 'decryptionMaterials'>;
