import { isText } from './text.ts';

/** The name under which a key that AWS KMS does not have stands in messages: the same for all who use it. */
export interface RawKeyName {
  /** Names the owner of the key, for instance an application or an HSM. Must not start with `aws-kms`. */
  readonly namespace: string;
  /** Names the key within the namespace. */
  readonly name: string;
}

/** @throws TypeError for an empty name, or a namespace that is reserved for AWS KMS */
export function checkRawKeyName({ namespace, name }: RawKeyName): void {
  if (!isText(namespace) || namespace.startsWith('aws-kms')) {
    throw new TypeError('namespace: expected a text that does not start with aws-kms');
  }
  if (!isText(name)) throw new TypeError('name: expected a text');
}
