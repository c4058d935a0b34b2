import { randomBytes } from 'node:crypto';
import { callCryptoki, Pkcs11Error } from '../errors.ts';
import * as ck from '../library/cryptoki.ts';
import type { Session } from '../sessions/token-sessions.ts';
import type { FoundKey } from './key-cache.ts';
import {
  describeSelector,
  findObjects,
  type KeySelector,
  type KeyUsage,
  readAttributes,
  selectorTemplate,
} from './objects.ts';

/** Label, id and length of a new key pair. */
export interface GenerateRsaKeyOptions {
  /** No RSA key of the token may have it yet. */
  readonly label: string;
  /** CKA_ID; 16 random bytes by default. */
  readonly id?: Uint8Array;
  /** At least 2048; 3072 by default. */
  readonly modulusBits?: number;
}

/** An RSA key pair as it was found. */
export interface FoundRsaKey extends FoundKey {
  readonly publicHandle: ck.Handle | undefined;
  readonly privateHandle: ck.Handle | undefined;
  readonly label: string;
  readonly id: Uint8Array;
  readonly usages: readonly KeyUsage[];
  /** Big-endian, without leading zeros. */
  readonly modulus: Uint8Array;
  readonly modulusBits: number;
  /** Undefined if the token does not report it. */
  readonly publicExponent: Uint8Array | undefined;
}

/**
 * Finds the one RSA key with this label and id: its private half, and the public half with the same modulus, under any
 * label and id; or a public half alone.
 *
 * @throws Pkcs11Error KEY_NOT_FOUND, KEY_AMBIGUOUS, KEY_UNSUITABLE for less than 2048 bits; TypeError without label
 * and id
 */
export function findRsaKey(
  cryptoki: ck.Cryptoki,
  { handle: session, epoch }: Session,
  selector: KeySelector,
): FoundRsaKey {
  const privateHandle = findHalf(cryptoki, session, PRIVATE_KEY, selector);
  const named = privateHandle ?? findHalf(cryptoki, session, PUBLIC_KEY, selector);
  if (named === undefined) {
    throw new Pkcs11Error('KEY_NOT_FOUND', `the token has no RSA key with ${describeSelector(selector)}`);
  }
  const read = readAttributes(cryptoki, session, named, [ck.CKA_LABEL, ck.CKA_ID, ck.CKA_MODULUS]);
  const modulus = stripLeadingZeros(read(ck.CKA_MODULUS));
  const modulusBits = bitLength(modulus);
  if (modulusBits < MIN_MODULUS_BITS) {
    const name = describeSelector(selector);
    throw new Pkcs11Error(
      'KEY_UNSUITABLE',
      `the RSA key with ${name} has less than ${MIN_MODULUS_BITS} bits`,
    );
  }
  const publicHandle =
    privateHandle === undefined ? named : publicHalfOf(cryptoki, session, read(ck.CKA_MODULUS));
  const flag = (handle: ck.Handle | undefined, type: number): boolean =>
    handle !== undefined && readAttributes(cryptoki, session, handle, [type])(type)[0] === 1;
  return {
    publicHandle,
    privateHandle,
    epoch,
    label: read(ck.CKA_LABEL).toString('utf8'),
    id: new Uint8Array(read(ck.CKA_ID)),
    usages: [
      ...(flag(publicHandle, ck.CKA_ENCRYPT) ? (['ENCRYPT'] as const) : []),
      ...(flag(privateHandle, ck.CKA_DECRYPT) ? (['DECRYPT'] as const) : []),
    ],
    modulus,
    modulusBits,
    publicExponent: publicExponent(cryptoki, session, publicHandle ?? named),
  };
}

/**
 * Has the token generate an RSA key pair whose private half cannot be read out and does nothing but decrypt.
 *
 * @param session opened for writing
 * @returns the selector of the new key
 * @throws Pkcs11Error KEY_EXISTS: a second key of one label would make both unusable by that label; RangeError
 */
export function generateRsaKey(
  cryptoki: ck.Cryptoki,
  session: ck.Handle,
  { label, id = randomBytes(16), modulusBits = 3072 }: GenerateRsaKeyOptions,
): KeySelector {
  if (label === '') throw new RangeError('label: expected a text that is not empty');
  if (!Number.isInteger(modulusBits) || modulusBits < MIN_MODULUS_BITS || modulusBits % 8 !== 0) {
    throw new RangeError(`modulusBits: expected a multiple of 8 from ${MIN_MODULUS_BITS}`);
  }
  for (const half of [PRIVATE_KEY, PUBLIC_KEY]) {
    if (findObjects(cryptoki, session, [...half, ...selectorTemplate({ label })]).length === 0) continue;
    throw new Pkcs11Error(
      'KEY_EXISTS',
      `there is an RSA key with the label ${JSON.stringify(label)} already`,
    );
  }
  const { publicTemplate, privateTemplate } = newRsaKeyTemplates({ label, id });
  callCryptoki('C_GenerateKeyPair', () =>
    cryptoki.C_GenerateKeyPair(
      session,
      { mechanism: ck.CKM_RSA_PKCS_KEY_PAIR_GEN },
      [
        ...publicTemplate,
        { type: ck.CKA_MODULUS_BITS, value: modulusBits },
        { type: ck.CKA_PUBLIC_EXPONENT, value: Buffer.of(1, 0, 1) },
      ],
      privateTemplate,
    ),
  );
  return { label, id };
}

/** Returns the attributes of a key pair that only encrypts and decrypts; the caller adds the numbers. */
export function newRsaKeyTemplates(selector: Required<KeySelector>): {
  readonly publicTemplate: ck.Template;
  readonly privateTemplate: ck.Template;
} {
  const common = [...selectorTemplate(selector), { type: ck.CKA_TOKEN, value: true }];
  return {
    publicTemplate: [
      ...PUBLIC_KEY,
      ...common,
      { type: ck.CKA_PRIVATE, value: false },
      { type: ck.CKA_ENCRYPT, value: true },
      ...[ck.CKA_WRAP, ck.CKA_VERIFY, ck.CKA_VERIFY_RECOVER].map((type) => ({ type, value: false })),
    ],
    privateTemplate: [
      ...PRIVATE_KEY,
      ...common,
      { type: ck.CKA_PRIVATE, value: true },
      { type: ck.CKA_SENSITIVE, value: true },
      { type: ck.CKA_EXTRACTABLE, value: false },
      { type: ck.CKA_DECRYPT, value: true },
      ...[ck.CKA_UNWRAP, ck.CKA_SIGN, ck.CKA_SIGN_RECOVER].map((type) => ({ type, value: false })),
    ],
  };
}

function findHalf(
  cryptoki: ck.Cryptoki,
  session: ck.Handle,
  half: ck.Template,
  selector: KeySelector,
): ck.Handle | undefined {
  const [handle, second] = findObjects(cryptoki, session, [...half, ...selectorTemplate(selector)]);
  if (second === undefined) return handle;
  throw new Pkcs11Error('KEY_AMBIGUOUS', `the token has several RSA keys with ${describeSelector(selector)}`);
}

/** Finds the public half by its modulus: labels and ids could pair halves that do not belong together. */
function publicHalfOf(cryptoki: ck.Cryptoki, session: ck.Handle, modulus: Buffer): ck.Handle | undefined {
  const attributes = [...PUBLIC_KEY, { type: ck.CKA_MODULUS, value: modulus }];
  return findObjects(cryptoki, session, attributes)[0];
}

/** Returns undefined if the object has none: a private half need not have the attribute. */
function publicExponent(
  cryptoki: ck.Cryptoki,
  session: ck.Handle,
  handle: ck.Handle,
): Uint8Array | undefined {
  try {
    const exponent = readAttributes(cryptoki, session, handle, [ck.CKA_PUBLIC_EXPONENT])(
      ck.CKA_PUBLIC_EXPONENT,
    );
    return exponent.length === 0 ? undefined : new Uint8Array(exponent);
  } catch (error) {
    if (error instanceof Pkcs11Error && error.code === 'INPUT_REFUSED') return undefined;
    throw error;
  }
}

/** Some tokens put a zero byte before the modulus, as for a signed number. */
function stripLeadingZeros(number: Uint8Array): Uint8Array {
  const first = number.findIndex((byte) => byte !== 0);
  return new Uint8Array(first < 0 ? [] : number.subarray(first));
}

function bitLength(number: Uint8Array): number {
  const [first = 0] = number;
  return first === 0 ? 0 : number.length * 8 - Math.clz32(first) + 24;
}

const MIN_MODULUS_BITS = 2048;
const PRIVATE_KEY = [
  { type: ck.CKA_CLASS, value: ck.CKO_PRIVATE_KEY },
  { type: ck.CKA_KEY_TYPE, value: ck.CKK_RSA },
];
const PUBLIC_KEY = [
  { type: ck.CKA_CLASS, value: ck.CKO_PUBLIC_KEY },
  { type: ck.CKA_KEY_TYPE, value: ck.CKK_RSA },
];
