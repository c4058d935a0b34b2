import type { KeyServiceFailures } from '../key-service.ts';

/** How the AWS SDK tells that AWS KMS, or the key store behind it, is out. */
export const AWS_KMS_FAILURES: KeyServiceFailures = { keyService: 'AWS KMS', isOutage };

function isOutage(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  // Whatever came back from the service has a fault.
  if (!('$fault' in error)) return true;
  return error.$fault === 'server' || ('name' in error && CLIENT_FAULTS.has(String(error.name)));
}

/** What is called a fault of the client, and passes. */
const CLIENT_FAULTS: ReadonlySet<string> = new Set([
  // The state of a key, and every failure of an external key store, such as no answer from its proxy.
  'KMSInvalidStateException',
  'LimitExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'TooManyRequestsException',
]);
