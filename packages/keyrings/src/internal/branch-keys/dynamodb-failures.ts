import { AWS_KMS_FAILURES } from '../aws-kms/failures.ts';
import type { KeyServiceFailures } from '../key-service.ts';

/** How the AWS SDK tells that Amazon DynamoDB is out, is overloaded, or has another transaction under way. */
export const DYNAMODB_FAILURES: KeyServiceFailures = {
  ...AWS_KMS_FAILURES,
  keyService: 'branch key store',
  isOutage: (error) =>
    AWS_KMS_FAILURES.isOutage(error) ||
    (error instanceof Error && BUSY.has(error.name)) ||
    cancellationCodes(error).some((code) => BUSY.has(code)),
};

/** True if a transaction was cancelled because an item was not what a condition wants. */
export function isUnmetCondition(error: unknown): boolean {
  return cancellationCodes(error).includes('ConditionalCheckFailed');
}

/** Why a transaction was cancelled, a code for each of its items; none for every other error. */
function cancellationCodes(error: unknown): readonly string[] {
  if (!(error instanceof Error) || !('CancellationReasons' in error)) return [];
  if (!Array.isArray(error.CancellationReasons)) return [];
  const reasons: readonly unknown[] = error.CancellationReasons;
  return reasons.map((reason) =>
    typeof reason === 'object' && reason !== null && 'Code' in reason ? String(reason.Code) : '',
  );
}

/** Names of errors, and codes of reasons. */
const BUSY: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceeded',
  'ProvisionedThroughputExceededException',
  'ReplicatedWriteConflictException',
  'ThrottlingError',
  'TransactionConflict',
  'TransactionInProgressException',
]);
