import { createSecretKey, randomBytes } from 'node:crypto';
import type { SecretMaterial } from './key-material.ts';

/** Fresh secret material of so many bytes. */
export function generateSecret(length: number): SecretMaterial {
  const bytes = randomBytes(length);
  try {
    return { type: 'secret', key: createSecretKey(bytes) };
  } finally {
    bytes.fill(0);
  }
}

/** The bytes as secret material; undefined unless there are `min` to `max` of them. */
export function importSecret(bytes: Uint8Array, min: number, max: number): SecretMaterial | undefined {
  if (bytes.length < min || bytes.length > max) return undefined;
  return { type: 'secret', key: createSecretKey(bytes) };
}
