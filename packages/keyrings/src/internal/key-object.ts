import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, KeyObject } from 'node:crypto';

/** A key as a caller provides it: PEM text, DER bytes (SubjectPublicKeyInfo or PKCS #8), or a `KeyObject`. */
export type KeyInput = KeyObject | string | Uint8Array;

/**
 * Returns the public key. A private key is refused, though a public one could be derived from it: encryption does not need
 * it, and a mix-up should not go unnoticed.
 *
 * @param name of the option, for the error
 * @throws TypeError for anything else
 */
export function publicKeyObject(name: string, input: KeyInput): KeyObject {
  return read(name, 'a public key: SubjectPublicKeyInfo as PEM or DER, or a KeyObject', () => {
    if (input instanceof KeyObject) return input.type === 'public' ? input : undefined;
    if (typeof input !== 'string') return createPublicKey({ key: bytes(input), format: 'der', type: 'spki' });
    return PUBLIC_PEM.test(input) ? createPublicKey(input) : undefined;
  });
}

/**
 * Returns the private key. A key that is encrypted under a passphrase comes as a `KeyObject`.
 *
 * @param name of the option, for the error
 * @throws TypeError for anything else
 */
export function privateKeyObject(name: string, input: KeyInput): KeyObject {
  return read(name, 'a private key: PKCS #8 as PEM or DER, or a KeyObject', () => {
    if (input instanceof KeyObject) return input.type === 'private' ? input : undefined;
    if (typeof input === 'string') return createPrivateKey(input);
    return createPrivateKey({ key: bytes(input), format: 'der', type: 'pkcs8' });
  });
}

function read(name: string, expected: string, parse: () => KeyObject | undefined): KeyObject {
  let cause: unknown;
  try {
    const key = parse();
    if (key !== undefined) return key;
  } catch (error) {
    cause = error;
  }
  throw new TypeError(`${name}: expected ${expected}`, { cause });
}

/** A view, not a copy: a private key should not be left in Node's pool. */
function bytes({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** The PEM header of SubjectPublicKeyInfo, or of PKCS #1. */
const PUBLIC_PEM = /^\s*-----BEGIN (RSA )?PUBLIC KEY-----/;
