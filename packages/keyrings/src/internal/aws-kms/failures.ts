import { isOutageStatus, type KeyServiceFailures } from '../key-service.ts';
import { member } from '../member.ts';

/** How the AWS SDK reports that AWS KMS, or the key store behind it, is out. */
export const AWS_KMS_FAILURES: KeyServiceFailures = {
  keyService: 'AWS KMS',
  isOutage,
  isUnreadable: (error) => statusOf(error) === 200 && (error instanceof SyntaxError || isNoBase64(error)),
};

/** Judges by the status: older clients report every exception that they do not know as a fault of the caller. */
function isOutage(error: unknown): boolean {
  const status = statusOf(error);
  if (status === undefined || isOutageStatus(status)) return true;
  // An answer that broke off has a status, and nothing else to judge by.
  const isWhole = error instanceof SyntaxError || (error instanceof Error && '$fault' in error);
  return !isWhole || PASSING.has(error.name);
}

/** Judges by the message: `fetch` throws a `TypeError` too for an answer that broke off. */
function isNoBase64(error: unknown): boolean {
  return error instanceof TypeError && /base64/i.test(error.message);
}

/** Returns the status of the answer, also if the client could not read it; `undefined` without an answer. */
function statusOf(error: unknown): number | undefined {
  const status =
    member(member(error, '$metadata'), 'httpStatusCode') ?? member(member(error, '$response'), 'statusCode');
  return typeof status === 'number' ? status : undefined;
}

/** Errors that have the status of a refusal, and are temporary. */
const PASSING: ReadonlySet<string> = new Set([
  // AWS did not authenticate the caller, perhaps for a wrong clock, so it said nothing about a key or a message.
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
  // The state of a key, and every failure of an external key store, such as no answer from its proxy.
  'KMSInvalidStateException',
  'BandwidthLimitExceeded',
  'LimitExceededException',
  'PriorRequestNotComplete',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'RequestTimeout',
  'RequestTimeoutException',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
]);
