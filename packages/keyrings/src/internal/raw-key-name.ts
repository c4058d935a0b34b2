import { isText } from './text.ts';

/** The name of a key outside of AWS KMS in messages: the same for all users of the key. */
export interface RawKeyName {
  /** Names the owner of the key, for instance an application or an HSM. Must not start with `aws-kms`. */
  readonly namespace: string;
  /** Names the key within the namespace. */
  readonly name: string;
}

/**
 * @throws TypeError for an empty name, or a namespace that is reserved for AWS KMS
 * @throws RangeError for more bytes than a message has room for
 */
export function assertRawKeyName({ namespace, name }: RawKeyName): void {
  if (!isText(namespace) || namespace.startsWith('aws-kms')) {
    throw new TypeError('namespace: expected a text that does not start with aws-kms');
  }
  if (!isText(name)) throw new TypeError('name: expected a text');
  assertFits('namespace', namespace);
  assertFits('name', name);
}

/**
 * For a text in a field of an encrypted data key.
 *
 * @param overheadBytes the length of what else is in that field
 * @throws RangeError for more than the field can hold
 */
export function assertFits(option: string, text: string, overheadBytes = 0): void {
  const max = MAX_FIELD_BYTES - overheadBytes;
  if (new TextEncoder().encode(text).length <= max) return;
  throw new RangeError(`${option}: expected ${max} bytes of UTF-8 at most`);
}

const MAX_FIELD_BYTES = 0xffff;
