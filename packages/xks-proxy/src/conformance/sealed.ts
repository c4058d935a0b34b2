import { createCipheriv, createDecipheriv } from 'node:crypto';
import { assertBytes } from './assertions.ts';
import type { Fields } from './client.ts';

/** The output of Encrypt and input of Decrypt, decoded. */
export interface Sealed {
  readonly ciphertext: Buffer;
  readonly ciphertextMetadata: Buffer | undefined;
  readonly initializationVector: Buffer;
  readonly authenticationTag: Buffer;
}

/** Decodes the body of an Encrypt answer. */
export function parseSealed(body: Fields): Sealed {
  const { ciphertextMetadata } = body;
  return {
    ciphertext: assertBytes(body, 'ciphertext'),
    ciphertextMetadata:
      ciphertextMetadata === undefined ? undefined : assertBytes(body, 'ciphertextMetadata'),
    initializationVector: assertBytes(body, 'initializationVector'),
    authenticationTag: assertBytes(body, 'authenticationTag'),
  };
}

/** The members of a Decrypt request for a ciphertext. */
export function sealedFields({
  ciphertext,
  ciphertextMetadata,
  initializationVector,
  authenticationTag,
}: Sealed): Fields {
  return {
    ciphertext: ciphertext.toString('base64'),
    ciphertextMetadata: ciphertextMetadata?.toString('base64'),
    initializationVector: initializationVector.toString('base64'),
    authenticationTag: authenticationTag.toString('base64'),
  };
}

/** The members of a Decrypt request for a ciphertext that no key made. */
export const UNOPENABLE: Fields = {
  ciphertext: 'AAAAAAAAAAAAAAAA',
  initializationVector: Buffer.alloc(12, 1).toString('base64'),
  authenticationTag: Buffer.alloc(16, 1).toString('base64'),
};

/** The additional data that must reach the key (section "Encrypt", ciphertextMetadata). */
export function keyAad(aad: Uint8Array, ciphertextMetadata: Uint8Array | undefined): Buffer {
  const metadata = ciphertextMetadata ?? new Uint8Array(0);
  const aadLength = Buffer.alloc(2);
  aadLength.writeUInt16BE(aad.length);
  return Buffer.concat([aadLength, aad, Buffer.of(metadata.length), metadata]);
}

/** Decrypts with AES-256-GCM outside the proxy. Throws if the tag does not match. */
export function openSealed(key: Uint8Array, sealed: Sealed, additionalData: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.initializationVector);
  decipher.setAAD(additionalData);
  decipher.setAuthTag(sealed.authenticationTag);
  return Buffer.concat([decipher.update(sealed.ciphertext), decipher.final()]);
}

/** Encrypts with AES-256-GCM outside the proxy, to the letter of the specification. */
export function seal(
  key: Uint8Array,
  input: {
    readonly plaintext: Uint8Array;
    readonly aad: Uint8Array;
    readonly ciphertextMetadata: Buffer | undefined;
    readonly initializationVector: Buffer;
  },
): Sealed {
  const { initializationVector, ciphertextMetadata } = input;
  const cipher = createCipheriv('aes-256-gcm', key, initializationVector);
  cipher.setAAD(keyAad(input.aad, ciphertextMetadata));
  const ciphertext = Buffer.concat([cipher.update(input.plaintext), cipher.final()]);
  return { ciphertext, ciphertextMetadata, initializationVector, authenticationTag: cipher.getAuthTag() };
}

/** A copy of the bytes with one bit changed. */
export function flipBit(bytes: Uint8Array, index = 0): Buffer {
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}
