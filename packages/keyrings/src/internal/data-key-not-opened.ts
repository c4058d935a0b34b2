import { KeyringError } from './errors.ts';
import { member } from './member.ts';

/**
 * No encrypted data key opened; `causes` has one error for each that was tried, in whichever keyring within this one.
 * Where one of them could not be tried because its key service was out, the failure is that outage: nothing is known
 * about the data key yet.
 *
 * The text of its `cause` says why, for logs show no more of an `AggregateError`: what we say ourselves, and what an error
 * is called, never the message that came with it.
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

/** What a keyring within another one tried, in place of the failure that it made of it. */
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

/** A code or name, if it looks like one; or the status of an answer over HTTP, and its reason, which is a known word. */
function nameOf(error: unknown): string | undefined {
  if (error instanceof Error) {
    const names = [member(error, 'code'), error.name].filter((name) => typeof name === 'string');
    return names.find((name) => /^\w{1,64}$/.test(name));
  }
  const [status, word] = [member(error, 'status'), member(error, 'reason')];
  return status === undefined ? undefined : ['status', status, word].filter(Boolean).join(' ');
}

/** Others make aggregates too, such as Node of a connection that failed by every address of a host. */
const OURS = new WeakSet<AggregateError>();
/** A message may have thousands of encrypted data keys. */
const MAX_REASONS = 5;
