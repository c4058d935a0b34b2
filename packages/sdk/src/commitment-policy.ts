import { EncryptionSdkError } from './errors.ts';
import { type AlgorithmSuite, type AlgorithmSuiteId, suiteById } from './suites.ts';

/**
 * Which suites a client writes and reads.
 *
 * `FORBID_ENCRYPT_ALLOW_DECRYPT` writes only suites without key commitment, the other two only suites with it;
 * `REQUIRE_ENCRYPT_REQUIRE_DECRYPT` also reads only suites with it.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/commitment-policy.md
 */
export type CommitmentPolicy = keyof typeof READS_ONLY_COMMITTING;

/** True for a name of a commitment policy. */
export function isCommitmentPolicy(value: unknown): value is CommitmentPolicy {
  return typeof value === 'string' && Object.hasOwn(READS_ONLY_COMMITTING, value);
}

/** The suite a client with this policy writes when the caller names none. */
export function defaultSuite(policy: CommitmentPolicy): AlgorithmSuite {
  return knownSuite(DEFAULT_SUITE[policy]);
}

/**
 * The suite with an id that came from a caller.
 *
 * @throws RangeError for an unknown id
 */
export function knownSuite(id: AlgorithmSuiteId): AlgorithmSuite {
  const suite = suiteById(id);
  if (suite === undefined) throw new RangeError('suite: not an algorithm suite of the Encryption SDK');
  return suite;
}

/** @throws EncryptionSdkError `COMMITMENT_POLICY_VIOLATED` unless the policy lets `suite` be written. */
export function assertMayEncrypt(policy: CommitmentPolicy, suite: AlgorithmSuite): void {
  if (suite.committing !== defaultSuite(policy).committing) throw violation(policy, suite, 'encrypt');
}

/** @throws EncryptionSdkError `COMMITMENT_POLICY_VIOLATED` unless the policy lets `suite` be read. */
export function assertMayDecrypt(policy: CommitmentPolicy, suite: AlgorithmSuite): void {
  if (READS_ONLY_COMMITTING[policy] && !suite.committing) throw violation(policy, suite, 'decrypt');
}

function violation(
  policy: CommitmentPolicy,
  suite: AlgorithmSuite,
  operation: 'encrypt' | 'decrypt',
): EncryptionSdkError {
  return new EncryptionSdkError(
    'COMMITMENT_POLICY_VIOLATED',
    `commitment policy ${policy} does not ${operation} with ${suite.name}`,
  );
}

const READS_ONLY_COMMITTING = {
  FORBID_ENCRYPT_ALLOW_DECRYPT: false,
  REQUIRE_ENCRYPT_ALLOW_DECRYPT: false,
  REQUIRE_ENCRYPT_REQUIRE_DECRYPT: true,
} as const;

/** The policy also allows to write every other suite that commits, or does not, like its default. */
const DEFAULT_SUITE = {
  FORBID_ENCRYPT_ALLOW_DECRYPT: 0x0378,
  REQUIRE_ENCRYPT_ALLOW_DECRYPT: 0x0578,
  REQUIRE_ENCRYPT_REQUIRE_DECRYPT: 0x0578,
} as const satisfies Record<CommitmentPolicy, AlgorithmSuiteId>;
