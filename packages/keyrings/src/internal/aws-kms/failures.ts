import { isOutageStatus, type KeyServiceFailures } from '../key-service.ts';
import { member } from '../member.ts';

/** How the AWS SDK tells that AWS KMS, or the key store behind it, is out. */
export const AWS_KMS_FAILURES: KeyServiceFailures = {
  keyService: 'AWS KMS',
  isOutage,
  isUnreadable: (error) => statusOf(error) === 200 && (error instanceof SyntaxError || isNoBase64(error)),
};

/** By the status: older clients call every exception that they do not know a fault of the caller. */
function isOutage(error: unknown): boolean {
  const status = statusOf(error);
  if (status === undefined || isOutageStatus(status)) return true;
  // Of an answer that broke off there is a status, and nothing else to go by.
  const isWhole = error instanceof SyntaxError || (error instanceof Error && '$fault' in error);
  return !isWhole || PASSING.has(error.name);
}

/** By the message: an answer to `fetch` that broke off is a `TypeError` too. */
function isNoBase64(error: unknown): boolean {
  return error instanceof TypeError && /base64/i.test(error.message);
}

/** Of the answer, which has the status also where the client could not read it; `undefined` without an answer. */
function statusOf(error: unknown): number | undefined {
  const status =
    member(member(error, '$metadata'), 'httpStatusCode') ?? member(member(error, '$response'), 'statusCode');
  return typeof status === 'number' ? status : undefined;
}

/** What comes with a status of a refusal, and passes. */
const PASSING: ReadonlySet<string> = new Set([
  // Whoever AWS does not know, be it for a clock that is wrong, has heard nothing about a key or a message yet.
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
