import { compareAsUtf8 } from './bytes.ts';
import { EncryptionSdkError, malformed } from './errors.ts';
import { ByteWriter } from './format/byte-writer.ts';
import { Cursor } from './format/cursor.ts';

/**
 * Non-secret key-value pairs that are authenticated with a message. Keys and values are Unicode strings;
 * the whole serialisation is at most 65,535 bytes.
 */
export type EncryptionContext = Readonly<Record<string, string>>;

/** The key under which a signing suite stores its verification key, base64 of the compressed point. */
export const PUBLIC_KEY_CONTEXT_KEY = 'aws-crypto-public-key';

/**
 * A private copy of a caller's encryption context, frozen and without prototype.
 *
 * @throws TypeError for anything but a plain object of strings
 * @throws EncryptionSdkError `ENCRYPTION_CONTEXT_INVALID` for lone surrogates or a serialisation that is too long
 */
export function copyContext(context: EncryptionContext): EncryptionContext {
  const pairs = isPlainObject(context) ? Object.entries(context) : undefined;
  if (!pairs?.every(([, value]) => typeof value === 'string')) {
    throw new TypeError('encryptionContext: expected a plain object of strings');
  }
  if (pairs.length === 0) return EMPTY_CONTEXT;
  const copy = emptyContext();
  for (const [key, value] of pairs) copy[key] = value;
  CANONICAL_BYTES.set(Object.freeze(copy), serialise(pairs, compareAsUtf8));
  return copy;
}

/** @throws EncryptionSdkError `ENCRYPTION_CONTEXT_INVALID` if a key has the prefix that is reserved for this library. */
export function assertNoReservedKeys(context: EncryptionContext): void {
  if (Object.keys(context).some(isReserved)) {
    throw invalid(`keys that start with ${RESERVED_PREFIX} are reserved`);
  }
}

/** True for a key that only this library may put into a context. */
export function isReserved(key: string): boolean {
  return key.startsWith(RESERVED_PREFIX);
}

/**
 * The canonical bytes: pair count, then length-prefixed UTF-8 pairs in byte order of their keys; no bytes at all for an
 * empty context. Wrapping keys authenticate this form, whatever order a header has. `compare` gives another order for
 * reading messages of faulty writers.
 *
 * @throws EncryptionSdkError `ENCRYPTION_CONTEXT_INVALID` for lone surrogates, or more than 65,535 bytes
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/structures.md
 */
export function contextBytes(context: EncryptionContext, compare = compareAsUtf8): Uint8Array {
  return compare === compareAsUtf8
    ? canonicalBytes(context).slice()
    : serialise(Object.entries(context), compare);
}

/**
 * Like {@link contextBytes}, but the caller must not write to the result. Every step of a message asks for the bytes of
 * the same context, so those of a frozen context are kept as long as it lives.
 */
export function canonicalBytes(context: EncryptionContext): Uint8Array {
  const known = CANONICAL_BYTES.get(context);
  if (known !== undefined) return known;
  const bytes = serialise(Object.entries(context), compareAsUtf8);
  if (Object.isFrozen(context)) CANONICAL_BYTES.set(context, bytes);
  return bytes;
}

/** Serialises pairs that the caller gives up: they are sorted in place. */
function serialise(pairs: [string, string][], compare: typeof compareAsUtf8): Uint8Array {
  if (pairs.length === 0) return new Uint8Array(0);
  pairs.sort(([a], [b]) => compare(a, b));
  // A UTF-16 unit takes one to three bytes.
  let capacity = 2;
  for (const [key, value] of pairs) capacity += 4 + 3 * (key.length + value.length);
  if (capacity > 3 * MAX_LENGTH) throw tooLong();
  const writer = new ByteWriter(capacity);
  writer.number(2, pairs.length);
  for (const pair of pairs) {
    for (const text of pair) {
      if (!text.isWellFormed()) throw invalid('a lone surrogate');
      writer.text(text);
    }
  }
  if (writer.length > MAX_LENGTH) throw tooLong();
  return writer.written();
}

/**
 * Reads a serialised context. Any order is accepted, because old writers did not sort; the header tag covers the bytes
 * as they are. If the order is canonical, `bytes` are kept as the canonical ones, and must not change.
 *
 * @throws EncryptionSdkError `MESSAGE_MALFORMED` for duplicate keys, wrong counts or lengths, invalid UTF-8
 */
export function parseContextBytes(bytes: Uint8Array): EncryptionContext {
  if (bytes.length === 0) return EMPTY_CONTEXT;
  const context = emptyContext();
  const cursor = new Cursor(bytes, malformedContext);
  const count = cursor.number(2);
  let isCanonical = count > 0;
  let previous: string | undefined;
  for (let remaining = count; remaining > 0; remaining--) {
    const key = cursor.text();
    const value = cursor.text();
    if (key === undefined || value === undefined || key in context) throw malformedContext();
    context[key] = value;
    isCanonical &&= previous === undefined || compareAsUtf8(previous, key) < 0;
    previous = key;
  }
  if (cursor.offset !== bytes.length) throw malformedContext();
  Object.freeze(context);
  if (isCanonical) CANONICAL_BYTES.set(context, bytes);
  return context;
}

/** The pairs of `context` whose keys pass `keep`. */
export function filterContext(context: EncryptionContext, keep: (key: string) => boolean): EncryptionContext {
  const filtered = emptyContext();
  for (const [key, value] of Object.entries(context)) if (keep(key)) filtered[key] = value;
  return Object.freeze(filtered);
}

/** All pairs of `first` and `second`, frozen; for a key in both, the value of `second`. */
export function mergeContexts(first: EncryptionContext, second: EncryptionContext): EncryptionContext {
  if (second === EMPTY_CONTEXT && Object.isFrozen(first)) return first;
  return Object.freeze(Object.assign(emptyContext(), first, second));
}

/**
 * A Map, or an instance of a class, has no pairs as properties: it would pass for an empty context, which checks
 * nothing.
 */
function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The prototype of plain objects is the only one that has none itself, in every realm.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

// Without a prototype, a key such as `__proto__` or `constructor` is a key like any other.
function emptyContext(): Record<string, string> {
  const context: Record<string, string> = {};
  Object.setPrototypeOf(context, null);
  return context;
}

function tooLong(): EncryptionSdkError {
  return invalid('longer than 65,535 bytes');
}

function invalid(reason: string): EncryptionSdkError {
  return new EncryptionSdkError('ENCRYPTION_CONTEXT_INVALID', `invalid encryption context: ${reason}`);
}

function malformedContext(): EncryptionSdkError {
  return malformed('its encryption context');
}

const CANONICAL_BYTES = new WeakMap<EncryptionContext, Uint8Array>();
const RESERVED_PREFIX = 'aws-crypto-';
const MAX_LENGTH = 0xffff;
/** The context without pairs, one object for all messages. */
export const EMPTY_CONTEXT: EncryptionContext = Object.freeze(emptyContext());
