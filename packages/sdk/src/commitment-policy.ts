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

/** @throws TypeError for anything but the name of a commitment policy */
export function assertCommitmentPolicy(value: unknown): asserts value is CommitmentPolicy {
  if (typeof value === 'string' && Object.hasOwn(READS_ONLY_COMMITTING, value)) return;
  throw new TypeError(`commitmentPolicy: expected one of ${Object.keys(READS_ONLY_COMMITTING).join(', ')}`);
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
export function assertMayEncrypt(policy: CommitmentPolicy, suite: AlgorithmSuite): void {
  const { committing, id } = defaultSuite(policy);
  if (suite.committing === committing) return;
  const standard = `0x${id.toString(16).padStart(4, '0')}`;
  throw violation(
    policy,
    `encrypt with ${suite.name}: choose a suite such as ${standard}, or another policy`,
  );
}

/** @throws EncryptionSdkError `COMMITMENT_POLICY_VIOLATED` unless the policy lets `suite` be read. */
export function assertMayDecrypt(policy: CommitmentPolicy, suite: AlgorithmSuite): void {
  if (!READS_ONLY_COMMITTING[policy] || suite.committing) return;
  throw violation(
    policy,
    `decrypt with ${suite.name}: choose REQUIRE_ENCRYPT_ALLOW_DECRYPT to read such messages`,
  );
}

function violation(policy: CommitmentPolicy, refused: string): EncryptionSdkError {
  return new EncryptionSdkError(
    'COMMITMENT_POLICY_VIOLATED',
    `commitment policy ${policy} does not ${refused}`,
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
