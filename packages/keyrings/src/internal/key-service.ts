import { KeyringError, type KeyService } from './errors.ts';

/** One service or device, and how to tell its outages from its refusals. */
export interface KeyServiceFailures {
  readonly keyService: KeyService;
  /** True for an error after which the same call may succeed: no answer, overload, a failure within. */
  isOutage(error: unknown): boolean;
  /** True for an error of a client that could not read the answer, in which the answer may stand. */
  isUnreadable?(error: unknown): boolean;
}

/** True for a status of HTTP after which the same call may succeed. */
export function isOutageStatus(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/**
 * Makes a call of a key service, and resolves to what the call resolves to.
 *
 * @throws KeyringError `KEY_SERVICE_UNAVAILABLE` or `KEY_SERVICE_REFUSED`, with the service's own error as `cause`;
 *   `KEY_SERVICE_ANSWER_INVALID` for an answer that could not be read
 */
export async function callKeyService<T>(failures: KeyServiceFailures, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof KeyringError) throw cause;
    const { keyService } = failures;
    if (failures.isUnreadable?.(cause)) throw invalidAnswer(keyService, 'what cannot be read');
    throw failures.isOutage(cause) ? outage(keyService, cause) : refusal(keyService, cause);
  }
}

/** The same call may succeed later. A service that was not reached may be well, and the client's configuration wrong. */
export function outage(keyService: KeyService, cause: unknown): KeyringError {
  const message = `${keyService} was not reached, or is out`;
  return new KeyringError('KEY_SERVICE_UNAVAILABLE', message, { cause, keyService });
}

/** The key service answered that it does not do what it was asked. */
export function refusal(keyService: KeyService, cause: unknown): KeyringError {
  return new KeyringError('KEY_SERVICE_REFUSED', `${keyService} refused`, { cause, keyService });
}

/** The key service answered with something else than was asked for; `cause` is a further answer that showed it, if any. */
export function invalidAnswer(keyService: KeyService, what: string, cause?: KeyringError): KeyringError {
  return new KeyringError('KEY_SERVICE_ANSWER_INVALID', `${keyService} answered with ${what}`, {
    keyService,
    ...(cause && { cause }),
  });
}
