import type { KeyServiceFailures } from '../key-service.ts';

/** How the AWS SDK tells that AWS KMS is out: a fault of the server, throttling, or no answer at all. */
export const AWS_KMS_FAILURES: KeyServiceFailures = { keyService: 'AWS KMS', isOutage };

function isOutage(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  // Whatever came back from the service has a fault.
  if (!('$fault' in error)) return true;
  return error.$fault === 'server' || ('name' in error && THROTTLED.has(String(error.name)));
}

const THROTTLED: ReadonlySet<string> = new Set([
  'LimitExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'TooManyRequestsException',
]);
