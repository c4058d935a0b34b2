import { type KeyObject, randomBytes } from 'node:crypto';
import { type GenerateAesKeyOptions, newAesKeyTemplate } from '../keys/aes-objects.ts';
import { type GenerateRsaKeyOptions, newRsaKeyTemplates } from '../keys/rsa-objects.ts';
import * as ck from '../library/cryptoki.ts';
import { acquireLibrary } from '../library/library.ts';
import { findToken } from '../library/slots.ts';
import type { TestToken } from './test-token.ts';

/** A key for `importAesKey`; `value` is 16, 24 or 32 bytes. */
export interface ImportAesKeyOptions extends GenerateAesKeyOptions {
  readonly value: Uint8Array;
  /** Makes a key that can be read out, which no key in use should be. */
  readonly exposed?: boolean;
}

/** A key pair for `importRsaKey`. */
export interface ImportRsaKeyOptions extends Omit<GenerateRsaKeyOptions, 'modulusBits'> {
  readonly privateKey: KeyObject;
  /** Both by default. */
  readonly halves?: readonly ('public' | 'private')[];
}

/**
 * Puts a key of known value into the token, so that a test can check by other means what the token does with it.
 * Any length goes in, and a label may be used twice.
 */
export function importAesKey(
  token: TestToken,
  {
    label,
    id = randomBytes(16),
    value,
    usages = ['ENCRYPT', 'DECRYPT'],
    exposed = false,
  }: ImportAesKeyOptions,
): void {
  withSession(token, (cryptoki, session) => {
    cryptoki.C_CreateObject(session, [
      ...newAesKeyTemplate({ label, id, usages }).filter(({ type }) => !EXPOSURE.includes(type)),
      { type: ck.CKA_SENSITIVE, value: !exposed },
      { type: ck.CKA_EXTRACTABLE, value: exposed },
      { type: ck.CKA_VALUE, value: Buffer.from(value) },
    ]);
  });
}

/** Puts an RSA key pair of known value into the token: both halves, or one. */
export function importRsaKey(
  token: TestToken,
  { label, id = randomBytes(16), privateKey, halves = ['public', 'private'] }: ImportRsaKeyOptions,
): void {
  const [, n, e, d, p, q, dp, dq, qi] = numbersOf(privateKey);
  const number = (type: number, value?: Buffer) => ({ type, value: value ?? Buffer.alloc(0) });
  const publicNumbers = [number(ck.CKA_MODULUS, n), number(ck.CKA_PUBLIC_EXPONENT, e)];
  const privateNumbers = [
    number(ck.CKA_PRIVATE_EXPONENT, d),
    number(ck.CKA_PRIME_1, p),
    number(ck.CKA_PRIME_2, q),
    number(ck.CKA_EXPONENT_1, dp),
    number(ck.CKA_EXPONENT_2, dq),
    number(ck.CKA_COEFFICIENT, qi),
  ];
  const { publicTemplate, privateTemplate } = newRsaKeyTemplates({ label, id });
  const objects = {
    public: [...publicTemplate, ...publicNumbers],
    private: [...privateTemplate, ...publicNumbers, ...privateNumbers],
  };
  withSession(token, (cryptoki, session) => {
    for (const half of halves) cryptoki.C_CreateObject(session, objects[half]);
  });
}

/** Destroys the keys with a label, to test how a program takes the loss of its keys. */
export function destroyKeys(token: TestToken, { label }: { readonly label: string }): void {
  withSession(token, (cryptoki, session) => {
    cryptoki.C_FindObjectsInit(session, [{ type: ck.CKA_LABEL, value: label }]);
    const handles = cryptoki.C_FindObjects(session, 100);
    cryptoki.C_FindObjectsFinal(session);
    for (const handle of handles) cryptoki.C_DestroyObject(session, handle);
  });
}

/**
 * Returns the numbers of RSAPrivateKey (RFC 8017 appendix A.1.2), without leading zeros: version, modulus, public exponent,
 * private exponent, primes, exponents, coefficient.
 *
 * They are not read from a JWK. On Node 20, exporting one from a key that `generateKeyPairSync` made can hang the process,
 * because garbage collection then waits for a lock that the export holds. They are not read from a copy of the key either: errors
 * of OpenSSL that SoftHSM has left in the thread make `createPrivateKey` throw.
 */
function numbersOf(privateKey: KeyObject): readonly Buffer[] {
  const der = privateKey.export({ format: 'der', type: 'pkcs1' });
  const numbers: Buffer[] = [];
  for (let at = contentOf(der, 0).start; at < der.length; ) {
    const { start, end } = contentOf(der, at);
    numbers.push(der.subarray(der[start] === 0 ? start + 1 : start, end));
    at = end;
  }
  return numbers;
}

/** The offsets at which the content of the element at `offset` begins and ends. */
function contentOf(der: Buffer, offset: number): { readonly start: number; readonly end: number } {
  const first = der.readUInt8(offset + 1);
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  const start = offset + 2 + lengthBytes;
  return { start, end: start + (lengthBytes === 0 ? first : der.readUIntBE(offset + 2, lengthBytes)) };
}

function withSession(token: TestToken, work: (cryptoki: ck.Cryptoki, session: ck.Handle) => void): void {
  const library = acquireLibrary(token.modulePath, token);
  const { cryptoki } = library;
  try {
    const found = findToken(cryptoki, { label: token.label });
    const login = library.logins.prepare(found, token.pin);
    const session = cryptoki.C_OpenSession(found.slot, ck.CKF_SERIAL_SESSION | ck.CKF_RW_SESSION);
    try {
      login.logIn(session);
      work(cryptoki, session);
    } finally {
      cryptoki.C_CloseSession(session);
    }
  } finally {
    library.release();
  }
}

const EXPOSURE: readonly number[] = [ck.CKA_SENSITIVE, ck.CKA_EXTRACTABLE];
