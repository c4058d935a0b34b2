import { isBytes } from './bytes.ts';
import { type EncryptionContext, PUBLIC_KEY_CONTEXT_KEY } from './context.ts';
import type { SigningKey, VerificationKey } from './crypto/provider.ts';
import type { EncryptedDataKey } from './encrypted-data-key.ts';
import { EncryptionSdkError } from './errors.ts';
import { type AlgorithmSuite, suiteById } from './suites.ts';

/** What it takes to write one message. */
export interface EncryptionMaterials {
  /** The object that `suiteById` returns: a copy is refused. */
  readonly suite: AlgorithmSuite;
  /** Holds `aws-crypto-public-key` exactly for signing suites. */
  readonly encryptionContext: EncryptionContext;
  /** Keys of the context that are authenticated but not stored in the message. */
  readonly requiredEncryptionContextKeys: readonly string[];
  readonly encryptedDataKeys: readonly EncryptedDataKey[];
  /** Exactly as long as the suite wants. The holder of the materials wipes it after use. */
  readonly dataKey?: Uint8Array;
  /** Present exactly for signing suites. */
  readonly signingKey?: SigningKey;
}

/** What it takes to read one message. */
export interface DecryptionMaterials {
  /** The suite of the request. */
  readonly suite: AlgorithmSuite;
  /** Stored and reproduced pairs together. Holds `aws-crypto-public-key` exactly for signing suites. */
  readonly encryptionContext: EncryptionContext;
  /** Keys of the context that the message does not store. */
  readonly requiredEncryptionContextKeys: readonly string[];
  /** Exactly as long as the suite wants. The holder of the materials wipes it after use. */
  readonly dataKey?: Uint8Array;
  /** Present exactly for signing suites. */
  readonly verificationKey?: VerificationKey;
}

/**
 * A key that wraps data keys, and is itself stored wrapped by a key service, which is called less often that way.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/structures.md
 */
export interface BranchKeyMaterials {
  /** Names the branch key, in messages too. */
  readonly branchKeyId: string;
  /** A UUID as text, in lower case. */
  readonly branchKeyVersion: string;
  /** The context that the branch key itself was bound to when it was made, not that of a message. */
  readonly encryptionContext: EncryptionContext;
  /** 32 bytes. The holder of the materials wipes it after use. */
  readonly branchKey: Uint8Array;
}

/**
 * Checks that a message may be written with these materials.
 *
 * @param suite the suite that the caller wants; by default any known one
 * @throws EncryptionSdkError `MATERIALS_INVALID` unless they are for the suite, and there are a data key of the right
 * length, encrypted data keys of the right types, a signing key exactly if the suite signs, and required keys that are in
 * the context
 */
export function assertEncryptionMaterials<M extends EncryptionMaterials>(
  materials: M,
  suite: AlgorithmSuite | undefined = suiteById(materials.suite.id),
): asserts materials is M & WithDataKey {
  const dataKey = checkedDataKey(materials, suite);
  // A wiped key is all zeros.
  if (dataKey.every((byte) => byte === 0)) throw invalid('the data key is all zeros');
  const { encryptedDataKeys } = materials;
  // What an application without types passes on may be text: written as bytes, it could never be opened.
  if (!Array.isArray(encryptedDataKeys) || !encryptedDataKeys.every(isEncryptedDataKey)) {
    throw invalid('an encrypted data key has a field of another type');
  }
  if (encryptedDataKeys.length === 0) throw invalid('no encrypted data key');
  if ((materials.signingKey === undefined) === (materials.suite.signature !== undefined)) {
    throw invalid('a signing key goes with a signing suite, and only with one');
  }
  checkContext(materials);
}

/**
 * Checks that a message of this suite may be read with these materials.
 *
 * @throws EncryptionSdkError `MATERIALS_INVALID` unless they are for the suite, and there are a data key of the right
 * length, a verification key exactly if the suite signs, and required keys that are in the context
 */
export function assertDecryptionMaterials<M extends DecryptionMaterials>(
  materials: M,
  suite: AlgorithmSuite,
): asserts materials is M & WithDataKey {
  checkedDataKey(materials, suite);
  if ((materials.verificationKey === undefined) === (suite.signature !== undefined)) {
    throw invalid('a verification key goes with a signing suite, and only with one');
  }
  checkContext(materials);
}

/** Materials that have a data key. */
export interface WithDataKey {
  readonly dataKey: Uint8Array;
}

function checkedDataKey(
  { dataKey, suite }: EncryptionMaterials | DecryptionMaterials,
  wanted: AlgorithmSuite | undefined,
): Uint8Array {
  if (suite !== wanted) throw invalid('for another algorithm suite');
  if (!isBytes(dataKey) || dataKey.length !== suite.dataKeyLength) {
    throw invalid('no data key of the right length');
  }
  return dataKey;
}

function isEncryptedDataKey(key: EncryptedDataKey | undefined): boolean {
  return typeof key?.providerId === 'string' && isBytes(key.providerInfo) && isBytes(key.ciphertext);
}

function checkContext(materials: EncryptionMaterials | DecryptionMaterials): void {
  const { encryptionContext, requiredEncryptionContextKeys, suite } = materials;
  if (!requiredEncryptionContextKeys.every((key) => Object.hasOwn(encryptionContext, key))) {
    throw invalid('a required key is not in the encryption context');
  }
  if (Object.hasOwn(encryptionContext, PUBLIC_KEY_CONTEXT_KEY) !== (suite.signature !== undefined)) {
    throw invalid(`${PUBLIC_KEY_CONTEXT_KEY} goes with a signing suite, and only with one`);
  }
}

function invalid(reason: string): EncryptionSdkError {
  return new EncryptionSdkError('MATERIALS_INVALID', `invalid materials: ${reason}`);
}
