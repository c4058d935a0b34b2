import { aesGcmKey } from '#crypto';
import { concat, NOTHING, uint16, utf8 } from './bytes.ts';
import { hkdfExpand, hkdfExtract } from './crypto/hkdf.ts';
import type { AesGcmKey } from './crypto/provider.ts';
import type { AlgorithmSuite, Hash } from './suites.ts';

/** The keys of one message. */
export interface MessageKeys {
  readonly contentKey: AesGcmKey;
  /** 32 bytes for committing suites, empty for others. */
  readonly commitKey: Uint8Array;
}

/**
 * Derives content key and commit key of a message. The data key remains the caller's, who wipes it.
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
      return { contentKey: await aesGcmKey(dataKey), commitKey: new Uint8Array(0) };
    case 'hkdf': {
      const prk = await hkdfExtract(derivation.hash, NOTHING, dataKey);
      const info = concat([uint16(suite.id), messageId]);
      const contentKey = await lastKey(derivation.hash, prk, info, length);
      return { contentKey, commitKey: new Uint8Array(0) };
    }
    case 'hkdf-commit': {
      const prk = await hkdfExtract(derivation.hash, messageId, dataKey);
      const commitKey = await hkdfExpand(derivation.hash, prk, COMMIT_KEY_LABEL, COMMIT_KEY_LENGTH);
      const info = concat([uint16(suite.id), DERIVE_KEY_LABEL]);
      return { contentKey: await lastKey(derivation.hash, prk, info, length), commitKey };
    }
  }
}

/** The last expansion of `prk`, which is wiped, and so are the expanded bytes: the key has a copy. */
async function lastKey(hash: Hash, prk: Uint8Array, info: Uint8Array, length: number): Promise<AesGcmKey> {
  const bytes = await hkdfExpand(hash, prk, info, length);
  try {
    return await aesGcmKey(bytes);
  } finally {
    bytes.fill(0);
    prk.fill(0);
  }
}

const COMMIT_KEY_LENGTH = 32;
const COMMIT_KEY_LABEL = utf8('COMMITKEY');
const DERIVE_KEY_LABEL = utf8('DERIVEKEY');
