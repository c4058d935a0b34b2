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

/** @throws TypeError for a policy that does not exist, as from a caller without type checks */
export function assertCommitmentPolicy(policy: CommitmentPolicy): void {
  const policies = Object.keys(READS_ONLY_COMMITTING);
  if (!policies.includes(policy))
    throw new TypeError(`commitmentPolicy: expected one of ${policies.join(', ')}`);
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
  if (suite === undefined) throw new RangeError('suite: expected an id such as 0x0578');
  return suite;
}

/** @throws EncryptionSdkError `COMMITMENT_POLICY_VIOLATED` unless the policy lets `suite` be written. */
export function assertMayEncrypt(policy: CommitmentPolicy, { committing, name }: AlgorithmSuite): void {
  const standard = defaultSuite(policy);
  if (committing === standard.committing) return;
  const choice = `0x${standard.id.toString(16).padStart(4, '0')}`;
  throw new EncryptionSdkError(
    'COMMITMENT_POLICY_VIOLATED',
    `commitment policy ${policy} does not encrypt with ${name}: choose a suite such as ${choice}, or another policy`,
  );
}

/** @throws EncryptionSdkError `COMMITMENT_POLICY_VIOLATED` unless the policy lets `suite` be read. */
export function assertMayDecrypt(policy: CommitmentPolicy, { committing, name }: AlgorithmSuite): void {
  if (committing || !READS_ONLY_COMMITTING[policy]) return;
  throw new EncryptionSdkError(
    'COMMITMENT_POLICY_VIOLATED',
    `commitment policy ${policy} does not decrypt with ${name}: choose REQUIRE_ENCRYPT_ALLOW_DECRYPT to read it`,
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
