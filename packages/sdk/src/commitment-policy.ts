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
export type CommitmentPolicy = keyof typeof POLICIES;

/** True for a name of a commitment policy. */
export function isCommitmentPolicy(value: unknown): value is CommitmentPolicy {
  return typeof value === 'string' && Object.hasOwn(POLICIES, value);
}

/** The suite a client with this policy writes when the caller names none. */
export function defaultSuite(policy: CommitmentPolicy): AlgorithmSuite {
  return knownSuite(POLICIES[policy].defaultSuite);
}

/** The row of a suite id that came from a caller. */
export function knownSuite(id: AlgorithmSuiteId): AlgorithmSuite {
  const suite = suiteById(id);
  if (suite === undefined) throw new RangeError('suite: not an algorithm suite of the Encryption SDK');
  return suite;
}

/** @throws EncryptionSdkError `COMMITMENT_POLICY_VIOLATED` unless the policy lets `suite` be written. */
export function assertMayEncrypt(policy: CommitmentPolicy, suite: AlgorithmSuite): void {
  if (suite.committing !== POLICIES[policy].writesCommitting) throw violation(policy, suite, 'encrypt');
}

/** @throws EncryptionSdkError `COMMITMENT_POLICY_VIOLATED` unless the policy lets `suite` be read. */
export function assertMayDecrypt(policy: CommitmentPolicy, suite: AlgorithmSuite): void {
  if (POLICIES[policy].readsOnlyCommitting && !suite.committing) throw violation(policy, suite, 'decrypt');
}

const POLICIES = {
  FORBID_ENCRYPT_ALLOW_DECRYPT: { writesCommitting: false, readsOnlyCommitting: false, defaultSuite: 0x0378 },
  REQUIRE_ENCRYPT_ALLOW_DECRYPT: { writesCommitting: true, readsOnlyCommitting: false, defaultSuite: 0x0578 },
  REQUIRE_ENCRYPT_REQUIRE_DECRYPT: {
    writesCommitting: true,
    readsOnlyCommitting: true,
    defaultSuite: 0x0578,
  },
} as const;

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
