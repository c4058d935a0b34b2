import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Rsa, RsaDecryptInput, RsaEncryptInput } from '../cipher/rsa.ts';
import { Pkcs11Error } from '../errors.ts';
import type { CallOptions } from '../sessions/session-pool.ts';
import type { CachedKey } from './key-cache.ts';
import type { KeyUsage } from './objects.ts';
import type { FoundRsaKey } from './rsa-objects.ts';

/**
 * An RSA key pair inside the token, of which either half may be missing there. It stays valid when the token restarts
 * or the key is replaced under its name.
 */
export interface RsaKey {
  readonly label: string;
  readonly id: Uint8Array;
  /** `ENCRYPT` if there is a public half that permits it, `DECRYPT` if there is a private half that permits it. */
  readonly usages: readonly KeyUsage[];
  readonly modulusBits: number;
  /**
   * Returns the public half, to be used outside of the token or exported, for example as SPKI.
   *
   * @throws Pkcs11Error KEY_UNSUITABLE when the token does not report the public exponent
   */
  publicKey(): KeyObject;
  /**
   * Resolves to the ciphertext, as long as the modulus. The token encrypts, so that no padding is used that it could not
   * undo.
   *
   * @throws TypeError, RangeError for wrong types and lengths; Pkcs11Error, for example MECHANISM_UNSUPPORTED; the
   * reason of an aborted signal
   */
  encrypt(input: RsaEncryptInput, options?: CallOptions): Promise<Uint8Array>;
  /**
   * Resolves to the plaintext. With `PKCS1-v1_5`, some tokens return random bytes for an invalid ciphertext instead of an
   * error, so that an attacker learns nothing from it: the caller has to verify the plaintext by other means.
   *
   * @throws Pkcs11Error DECRYPTION_FAILED, KEY_USAGE_FORBIDDEN, MECHANISM_UNSUPPORTED and others; TypeError; the
   * reason of an aborted signal
   */
  decrypt(input: RsaDecryptInput, options?: CallOptions): Promise<Uint8Array>;
}

/** Returns the key object that callers get. */
export function rsaKey(cached: CachedKey<FoundRsaKey>, encryption: Rsa): RsaKey {
  return {
    get label() {
      return cached.found.label;
    },
    get id() {
      return cached.found.id;
    },
    get usages() {
      return cached.found.usages;
    },
    get modulusBits() {
      return cached.found.modulusBits;
    },
    publicKey() {
      const { modulus, publicExponent } = cached.found;
      if (publicExponent === undefined) {
        throw new Pkcs11Error('KEY_UNSUITABLE', 'the token does not tell the public exponent of this key');
      }
      const base64url = (number: Uint8Array): string => Buffer.from(number).toString('base64url');
      const key = { kty: 'RSA', n: base64url(modulus), e: base64url(publicExponent) };
      return createPublicKey({ format: 'jwk', key });
    },
    encrypt: (input, options) => cached.run(() => encryption.encryption(input), options),
    decrypt: (input, options) => cached.run(() => encryption.decryption(input), options),
  };
}
