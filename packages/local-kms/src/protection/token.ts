import { randomBytes } from 'node:crypto';
import type { AesKey } from '@holdfast/pkcs11';
import { LocalKmsError } from '../local-kms-error.ts';
import type { Protection } from './protection.ts';

/** Which key of which token. */
export interface TokenProtectionOptions {
  /** The PKCS#11 module: a file, such as `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly modulePath: string;
  readonly tokenLabel: string;
  readonly pin: string;
  /** An AES-256 key that encrypts and decrypts with AES-GCM. */
  readonly keyLabel: string;
}

/**
 * Keeps the state under an AES-256 key in a PKCS#11 token, which wraps the key that all records are sealed under. The token
 * is needed when a KMS starts, and not after that. Requires the package `@holdfast/pkcs11`.
 *
 * @throws TypeError for an option that is no string
 */
export function tokenProtection(options: TokenProtectionOptions): Protection {
  for (const name of OPTIONS) {
    if (typeof options[name] !== 'string') throw new TypeError(`${name}: expected a string`);
  }
  return {
    wrap: (key, binding) =>
      withKey(options, async (wrapping) => {
        const iv = randomBytes(IV_BYTES);
        return { type: 'pkcs11', iv, ...(await wrapping.encrypt({ iv, aad: binding, plaintext: key })) };
      }),
    async unwrap(wrapped, binding) {
      if (wrapped.type !== 'pkcs11') {
        throw new LocalKmsError('SECRET_WRONG', 'the state is kept under a passphrase, not a key in a token');
      }
      const { iv, ciphertext, tag } = wrapped;
      return withKey(options, (key) => key.decrypt({ iv, aad: binding, ciphertext, tag }));
    },
  };
}

async function withKey<T>(
  { modulePath, tokenLabel, pin, keyLabel }: TokenProtectionOptions,
  work: (key: AesKey) => Promise<T>,
): Promise<T> {
  const { openModule, Pkcs11Error } = await import('@holdfast/pkcs11').catch((cause: unknown) => {
    const message = 'a key in a token is reached through @holdfast/pkcs11, which is not installed';
    throw new LocalKmsError('PACKAGE_MISSING', message, { cause });
  });
  try {
    const module = openModule({ path: modulePath });
    try {
      return await work(module.openToken({ label: tokenLabel, pin }).aesKey({ label: keyLabel }));
    } finally {
      module.close();
    }
  } catch (cause) {
    if (!(cause instanceof Pkcs11Error)) throw cause;
    if (cause.code === 'DECRYPTION_FAILED') {
      const message = `the key ${keyLabel} of the token is not the one that the state is kept under`;
      throw new LocalKmsError('SECRET_WRONG', message, { cause });
    }
    throw new LocalKmsError('TOKEN_UNAVAILABLE', `the token ${tokenLabel}: ${cause.message}`, { cause });
  }
}

const OPTIONS = ['modulePath', 'tokenLabel', 'pin', 'keyLabel'] as const;
const IV_BYTES = 12;
