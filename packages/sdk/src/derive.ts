import { aesGcmKey, hmac } from '#crypto';
import { concat, uint16, utf8 } from './bytes.ts';
import type { AesGcmKey } from './crypto/provider.ts';
import type { AlgorithmSuite, Hash } from './suites.ts';

/** The keys of one message. */
export interface MessageKeys {
  readonly contentKey: AesGcmKey;
  /** 32 bytes for committing suites, empty for others. */
  readonly commitKey: Uint8Array;
}

/**
 * Content key and commit key of a message. The data key stays the caller's, who wipes it.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/transitive-requirements.md
 */
export async function deriveMessageKeys(
  suite: AlgorithmSuite,
  dataKey: Uint8Array,
  messageId: Uint8Array,
): Promise<MessageKeys> {
  const { derivation, dataKeyLength: length } = suite;
  switch (derivation.kind) {
    case 'identity':
      return { contentKey: await aesGcmKey(dataKey), commitKey: noCommitKey };
    case 'hkdf': {
      const prk = await extract(derivation.hash, hashZeros[derivation.hash], dataKey);
      const info = concat(uint16(suite.id), messageId);
      return { contentKey: await contentKey(derivation.hash, prk, info, length), commitKey: noCommitKey };
    }
    case 'hkdf-commit': {
      const prk = await extract(derivation.hash, messageId, dataKey);
      const commitKey = await expand(derivation.hash, prk, commitKeyLabel, commitKeyLength);
      const info = concat(uint16(suite.id), deriveKeyLabel);
      return { contentKey: await contentKey(derivation.hash, prk, info, length), commitKey };
    }
  }
}

/** Bytes of a commit key in a header. */
export const commitKeyLength = 32;

// HKDF (RFC 5869) from its two HMAC calls: the data key goes in as HMAC's message, which leaves no copy of it
// behind in the runtime's memory, as a key argument would.
async function extract(hash: Hash, salt: Uint8Array, dataKey: Uint8Array): Promise<Uint8Array> {
  return hmac(hash, salt, dataKey);
}

// No suite needs more than one block of output.
async function expand(hash: Hash, prk: Uint8Array, info: Uint8Array, length: number): Promise<Uint8Array> {
  return (await hmac(hash, prk, info, firstBlock)).subarray(0, length);
}

/** The last expansion: wipes `prk` and its own output, which lives on inside the key. */
async function contentKey(hash: Hash, prk: Uint8Array, info: Uint8Array, length: number): Promise<AesGcmKey> {
  const bytes = await expand(hash, prk, info, length);
  try {
    return await aesGcmKey(bytes);
  } finally {
    bytes.fill(0);
    prk.fill(0);
  }
}

const hashZeros = {
  'SHA-256': new Uint8Array(32),
  'SHA-384': new Uint8Array(48),
  'SHA-512': new Uint8Array(64),
} as const satisfies Record<Hash, Uint8Array>;
const firstBlock = Uint8Array.of(1);
const commitKeyLabel = utf8('COMMITKEY');
const deriveKeyLabel = utf8('DERIVEKEY');
const noCommitKey = new Uint8Array(0);
