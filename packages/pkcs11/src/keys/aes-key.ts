import type {
  AesGcm,
  DecryptInput,
  EncryptInput,
  EncryptOutput,
  TokenIvEncryptInput,
  TokenIvEncryptOutput,
} from '../cipher/aes-gcm.ts';
import type { CallOptions } from '../sessions/session-pool.ts';
import type { FoundAesKey } from './aes-objects.ts';
import type { CachedKey } from './key-cache.ts';
import type { KeyUsage } from './objects.ts';

/** An AES-256 key inside the token. It stays valid when the token restarts or the key is replaced under its name. */
export interface AesKey {
  readonly label: string;
  readonly id: Uint8Array;
  readonly usages: readonly KeyUsage[];
  /**
   * AES-256-GCM with a tag of 16 bytes.
   *
   * @throws TypeError, RangeError for wrong types and lengths; Pkcs11Error, for example KEY_USAGE_FORBIDDEN; the
   * reason of an aborted signal
   */
  encrypt(input: EncryptInput, options?: CallOptions): Promise<EncryptOutput>;
  /**
   * As `encrypt`, under an IV that the token makes, for tokens that do not accept one.
   *
   * @throws as `encrypt`; Pkcs11Error MECHANISM_UNSUPPORTED for a token that does not make one
   */
  encryptUnderTokenIv(input: TokenIvEncryptInput, options?: CallOptions): Promise<TokenIvEncryptOutput>;
  /**
   * Resolves to the plaintext, if the tag is right for key, IV, additional data and ciphertext.
   *
   * @throws Pkcs11Error DECRYPTION_FAILED, KEY_USAGE_FORBIDDEN and others; TypeError, RangeError; the reason of
   * an aborted signal
   */
  decrypt(input: DecryptInput, options?: CallOptions): Promise<Uint8Array>;
}

/** Returns the key object that callers get. */
export function aesKey(cached: CachedKey<FoundAesKey>, gcm: AesGcm): AesKey {
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
    encrypt: (input, options) => cached.run(() => gcm.encryption(input), options),
    encryptUnderTokenIv: (input, options) => cached.run(() => gcm.encryptionUnderTokenIv(input), options),
    decrypt: (input, options) => cached.run(() => gcm.decryption(input), options),
  };
}
