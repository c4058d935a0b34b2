import { createSecretKey, type KeyObject, randomFillSync } from 'node:crypto';
import { Encoder } from 'cbor-x';
import { open, seal } from '../cryptography/aes.ts';
import { LocalKmsError } from '../local-kms-error.ts';
import type { SealedRecord } from '../store/store.ts';
import type { NamedRecord } from './records.ts';
import { wipe } from './wipe.ts';

/** A fresh key to seal records under: 32 bytes, to be wiped. */
export function freshSealingKey(): Uint8Array {
  return randomFillSync(Buffer.allocUnsafeSlow(SEALING_KEY_BYTES));
}

/** Makes a key object of the bytes, and wipes them. */
export function sealingKey(bytes: Uint8Array): KeyObject {
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

/**
 * Encrypts what is stored of a record, bound to its name and version; the bytes in it are wiped. The version lies beside the
 * record, not under the key: an earlier record with its version is as authentic as the last one.
 */
export function sealed(key: KeyObject, { name, stored }: NamedRecord, version: number): Uint8Array {
  const plaintext = CBOR.encode(stored);
  try {
    return seal(key, plaintext, binding(name, version));
  } finally {
    plaintext.fill(0);
    wipe(stored);
  }
}

/**
 * Undoes `sealed`. Throws LocalKmsError `STATE_CORRUPT` for a record that is not authentic, or has the name or version of
 * another. An earlier record of the same name is not detected.
 */
export function unsealed(key: KeyObject, { name, version, body }: SealedRecord): NamedRecord {
  const plaintext = open(key, body, binding(name, version));
  if (!plaintext) throw new LocalKmsError('STATE_CORRUPT', `the record ${name} is not what was kept`);
  try {
    const stored: unknown = CBOR.decode(plaintext);
    return { name, stored };
  } finally {
    plaintext.fill(0);
  }
}

function binding(name: string, version: number): Uint8Array {
  return Buffer.from(JSON.stringify([PURPOSE, name, version]), 'utf8');
}

const SEALING_KEY_BYTES = 32;
const PURPOSE = 'holdfast local-kms record';
// With copies of byte arrays: views would be wiped together with the plaintext.
const CBOR = new Encoder({ useRecords: false, tagUint8Array: false, copyBuffers: true });
