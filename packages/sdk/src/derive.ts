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
      return { contentKey: await aesGcmKey(dataKey), commitKey: NO_COMMIT_KEY };
    case 'hkdf': {
      const { hash } = derivation;
      const prk = await hmac(hash, HASH_ZEROS[hash], dataKey);
      const info = concat([uint16(suite.id), messageId]);
      return { contentKey: await contentKey(hash, prk, info, length), commitKey: NO_COMMIT_KEY };
    }
    case 'hkdf-commit': {
      const { hash } = derivation;
      const prk = await hmac(hash, messageId, dataKey);
      const commitKey = (await hmac(hash, prk, COMMIT_KEY_LABEL, FIRST_BLOCK)).subarray(0, COMMIT_KEY_LENGTH);
      const info = concat([uint16(suite.id), DERIVE_KEY_LABEL]);
      return { contentKey: await contentKey(hash, prk, info, length), commitKey };
    }
  }
}

// HKDF (RFC 5869) is two HMAC calls here, for no suite needs more than one block of output. The data key goes in
// as HMAC's message, which leaves no copy of it behind in the runtime's memory, as a key argument would.

/** The last expansion: wipes `prk` and its own output, which lives on inside the key. */
async function contentKey(hash: Hash, prk: Uint8Array, info: Uint8Array, length: number): Promise<AesGcmKey> {
  const block = await hmac(hash, prk, info, FIRST_BLOCK);
  try {
    return await aesGcmKey(block.subarray(0, length));
  } finally {
    block.fill(0);
    prk.fill(0);
  }
}

const HASH_ZEROS = {
  'SHA-256': new Uint8Array(32),
  'SHA-384': new Uint8Array(48),
  'SHA-512': new Uint8Array(64),
} as const satisfies Record<Hash, Uint8Array>;
const FIRST_BLOCK = Uint8Array.of(1);
const COMMIT_KEY_LENGTH = 32;
const COMMIT_KEY_LABEL = utf8('COMMITKEY');
const DERIVE_KEY_LABEL = utf8('DERIVEKEY');
const NO_COMMIT_KEY = new Uint8Array(0);
