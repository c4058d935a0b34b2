import { KeyringError } from './errors.ts';
import { member } from './member.ts';

/**
 * Returns the error for encrypted data keys of which none opened; `causes` has one error for each that was tried, by this
 * keyring or one within it. If one could not be tried because its key service was out, the error is that outage: nothing
 * is known about the data key yet.
 *
 * The text of its `cause` says why, because logs show no more of an `AggregateError`: messages of this package, and the
 * names of other errors, never their messages.
 */
export function dataKeyNotOpened(causes: readonly unknown[]): KeyringError {
  const tried = causes.flatMap(triedWithin);
  const cause = new AggregateError(tried, reasons(tried));
  OURS.add(cause);
  const outage = tried.find(isOutage);
  return outage === undefined
    ? new KeyringError('DATA_KEY_NOT_OPENED', 'no encrypted data key could be opened', { cause })
    : new KeyringError(outage.code, outage.message, { cause, keyService: outage.keyService });
}

/** Replaces the failure of a keyring within this one by the errors of what that keyring tried. */
function triedWithin(error: unknown): readonly unknown[] {
  const cause = error instanceof KeyringError ? error.cause : undefined;
  return cause instanceof AggregateError && OURS.has(cause) ? cause.errors : [error];
}

function isOutage(error: unknown): error is KeyringError {
  return error instanceof KeyringError && error.code === 'KEY_SERVICE_UNAVAILABLE';
}

function reasons(tried: readonly unknown[]): string {
  if (tried.length === 0) return 'none of the encrypted data keys is under a key of this keyring';
  const distinct = [...new Set(tried.map(reason))];
  const others = distinct.length > MAX_REASONS ? '; …' : '';
  return `tried ${tried.length}: ${distinct.slice(0, MAX_REASONS).join('; ')}${others}`;
}

function reason(error: unknown): string {
  if (!(error instanceof KeyringError)) return nameOf(error) ?? 'an error';
  const name = nameOf(error.cause);
  return name === undefined ? error.message : `${error.message}: ${name}`;
}

/** Returns a code or name, if it looks like one; or the status of an HTTP answer, and its reason, which is a known word. */
function nameOf(error: unknown): string | undefined {
  if (error instanceof Error) {
    const names = [member(error, 'code'), error.name].filter((name) => typeof name === 'string');
    return names.find((name) => /^\w{1,64}$/.test(name));
  }
  const [status, word] = [member(error, 'status'), member(error, 'reason')];
  return status === undefined ? undefined : ['status', status, word].filter(Boolean).join(' ');
}

/** Other code makes aggregates too, such as Node for a connection that failed at every address of a host. */
const OURS = new WeakSet<AggregateError>();
/** A message may have thousands of encrypted data keys. */
const MAX_REASONS = 5;
