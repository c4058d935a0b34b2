import { randomBytes } from 'node:crypto';
import { callCryptoki, Pkcs11Error } from '../errors.ts';
import * as ck from '../library/cryptoki.ts';
import type { Session } from '../sessions/token-sessions.ts';
import type { FoundKey } from './key-cache.ts';
import type { KeyDirectory } from './key-directory.ts';
import {
  describeSelector,
  findObjects,
  type KeySelector,
  type KeyUsage,
  readAttributes,
  selectorTemplate,
} from './objects.ts';

/** Label, id and usages of a new key. */
export interface GenerateAesKeyOptions {
  /** No AES key of the token may have it yet. */
  readonly label: string;
  /** CKA_ID; 16 random bytes by default. */
  readonly id?: Uint8Array;
  /** Both by default. */
  readonly usages?: readonly KeyUsage[];
}

/** An AES-256 key as it was found. */
export interface FoundAesKey extends FoundKey {
  readonly handle: ck.Handle;
  readonly label: string;
  readonly id: Uint8Array;
  readonly usages: readonly KeyUsage[];
}

/**
 * Finds the one AES-256 key with this label and id.
 *
 * @param directory of all {@link AES_KEY}s
 * @throws Pkcs11Error KEY_NOT_FOUND, KEY_AMBIGUOUS, KEY_UNSUITABLE; TypeError without label and id
 */
export function findAesKey(
  cryptoki: ck.Cryptoki,
  session: Session,
  selector: KeySelector,
  directory: KeyDirectory,
  options: { readonly fresh: boolean },
): FoundAesKey {
  const handles = directory.find(session, selector, options);
  const [handle] = handles;
  if (handle === undefined) {
    throw new Pkcs11Error('KEY_NOT_FOUND', `the token has no AES key with ${describeSelector(selector)}`);
  }
  if (handles.length > 1) {
    throw new Pkcs11Error(
      'KEY_AMBIGUOUS',
      `the token has several AES keys with ${describeSelector(selector)}`,
    );
  }
  const read = readAttributes(cryptoki, session.handle, handle, READ_ATTRIBUTES);
  // CK_ULONG in the byte order and size of the platform; its low byte comes first on all that pkcs11js runs on.
  if (read(ck.CKA_VALUE_LEN)[0] !== AES_256_LENGTH) {
    throw new Pkcs11Error('KEY_UNSUITABLE', `the key with ${describeSelector(selector)} is no AES-256 key`);
  }
  return {
    handle,
    epoch: session.epoch,
    label: read(ck.CKA_LABEL).toString('utf8'),
    id: new Uint8Array(read(ck.CKA_ID)),
    usages: USAGES.filter(([, type]) => read(type)[0] === 1).map(([usage]) => usage),
  };
}

/**
 * Has the token generate an AES-256 key that cannot be read out.
 *
 * @param session opened for writing
 * @returns the selector of the new key
 * @throws Pkcs11Error KEY_EXISTS: a second key of one label would make both unusable by that label; RangeError, TypeError
 */
export function generateAesKey(
  cryptoki: ck.Cryptoki,
  session: ck.Handle,
  { label, id = randomBytes(16), usages = ['ENCRYPT', 'DECRYPT'] }: GenerateAesKeyOptions,
): KeySelector {
  if (label === '') throw new RangeError('label: expected a text that is not empty');
  const names: readonly string[] = USAGES.map(([usage]) => usage);
  if (usages.length === 0 || !usages.every((usage) => names.includes(usage))) {
    throw new TypeError(`usages: expected one or more of ${names.join(', ')}`);
  }
  if (findObjects(cryptoki, session, [...AES_KEY, ...selectorTemplate({ label })]).length > 0) {
    throw new Pkcs11Error(
      'KEY_EXISTS',
      `there is an AES key with the label ${JSON.stringify(label)} already`,
    );
  }
  callCryptoki('C_GenerateKey', () =>
    cryptoki.C_GenerateKey(session, { mechanism: ck.CKM_AES_KEY_GEN }, [
      ...newAesKeyTemplate({ label, id, usages }),
      { type: ck.CKA_VALUE_LEN, value: AES_256_LENGTH },
    ]),
  );
  return { label, id };
}

/** Returns the attributes of a key that stays in the token and permits its usages only; the caller adds the value. */
export function newAesKeyTemplate({ label, id, usages }: Required<GenerateAesKeyOptions>): ck.Template {
  return [
    ...AES_KEY,
    ...selectorTemplate({ label, id }),
    { type: ck.CKA_TOKEN, value: true },
    { type: ck.CKA_PRIVATE, value: true },
    { type: ck.CKA_SENSITIVE, value: true },
    { type: ck.CKA_EXTRACTABLE, value: false },
    { type: ck.CKA_ENCRYPT, value: usages.includes('ENCRYPT') },
    { type: ck.CKA_DECRYPT, value: usages.includes('DECRYPT') },
    ...OTHER_USAGES.map((type) => ({ type, value: false })),
  ];
}

const AES_256_LENGTH = 32;
/** The attributes that all AES keys have. */
export const AES_KEY = [
  { type: ck.CKA_CLASS, value: ck.CKO_SECRET_KEY },
  { type: ck.CKA_KEY_TYPE, value: ck.CKK_AES },
];
const USAGES = [
  ['ENCRYPT', ck.CKA_ENCRYPT],
  ['DECRYPT', ck.CKA_DECRYPT],
] as const;
const OTHER_USAGES = [ck.CKA_WRAP, ck.CKA_UNWRAP, ck.CKA_SIGN, ck.CKA_VERIFY, ck.CKA_DERIVE];
const READ_ATTRIBUTES = [ck.CKA_LABEL, ck.CKA_ID, ck.CKA_VALUE_LEN, ck.CKA_ENCRYPT, ck.CKA_DECRYPT];
