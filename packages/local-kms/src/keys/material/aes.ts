import { createCipheriv, createDecipheriv, generateKeySync, randomBytes } from 'node:crypto';

/** AES-256 key material: the innermost layer of every symmetric ciphertext. */
export interface AesMaterial {
  readonly type: 'aes';
  /** The id by which the API names this material: 64 lower-case hex digits. */
  readonly id: string;
  /** Encrypts with AES-256-GCM under a fresh 12-byte IV; the result is IV, ciphertext and 16-byte tag. */
  seal(plaintext: Uint8Array, additionalData: Uint8Array): Uint8Array;
  /** Undoes `seal`; undefined if the sealed bytes or the additional data are not authentic. */
  open(sealed: Uint8Array, additionalData: Uint8Array): Uint8Array | undefined;
}

/** Fresh AES-256 material, never to be read out. */
export function generateAesMaterial(): AesMaterial {
  const key = generateKeySync('aes', { length: 256 });
  return {
    type: 'aes',
    id: randomBytes(32).toString('hex'),
    seal(plaintext, additionalData) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(additionalData);
      return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, additionalData) {
      if (sealed.length < IV_BYTES + TAG_BYTES) return undefined;
      const iv = sealed.subarray(0, IV_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(additionalData).setAuthTag(sealed.subarray(-TAG_BYTES));
      const plaintext = decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES));
      try {
        decipher.final();
        return plaintext;
      } catch {
        plaintext.fill(0);
        return undefined;
      }
    },
  };
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
