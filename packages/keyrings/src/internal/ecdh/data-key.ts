import { Buffer } from 'node:buffer';
import {
  aesGcmKey,
  constantTimeEqual,
  contextBytes,
  type EncryptionContext,
  randomBytes,
  secretBytes,
} from '@holdfast/sdk/spi';
import { KeyringError } from '../errors.ts';
import { deriveInCounterMode } from '../kdf-counter-mode.ts';
import { type EcdhParties, PROVIDER_INFO_VERSION } from './parties.ts';
import type { EcdhCurve } from './points.ts';

/** What binds an encrypted data key to its two parties, and to its purpose. */
export interface EcdhBinding {
  readonly parties: EcdhParties;
  readonly encryptionContext: EncryptionContext;
}

/**
 * The ciphertext of an encrypted data key: nonce (32) ‖ commitment key (32) ‖ sealed data key ‖ tag (16).
 *
 * @param sharedSecret the x coordinate on which both parties agree, in full length; neither kept nor changed
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/raw-ecdh-keyring.md#ciphertext
 */
export async function sealDataKey(
  binding: EcdhBinding,
  sharedSecret: Uint8Array,
  dataKey: Uint8Array,
): Promise<Uint8Array> {
  const ciphertext = new Uint8Array(SEALED_OFFSET + dataKey.length + TAG_LENGTH);
  const nonce = randomBytes(NONCE_LENGTH);
  const fixedInfo = fixedInfoOf(binding);
  await withDerivedKeys(sharedSecret, fixedInfo, nonce, async ({ commitmentKey, wrappingKey }) => {
    ciphertext.set(nonce);
    ciphertext.set(commitmentKey, NONCE_LENGTH);
    const key = await aesGcmKey(wrappingKey);
    await key.seal(ZERO_IV, fixedInfo, dataKey, ciphertext.subarray(SEALED_OFFSET));
  });
  return ciphertext;
}

/** @throws KeyringError `DATA_KEY_NOT_OPENED` for anything that does not have the length of such a ciphertext */
export function assertSealed(ciphertext: Uint8Array, dataKeyLength: number): void {
  if (ciphertext.length !== SEALED_OFFSET + dataKeyLength + TAG_LENGTH) throw notOpened();
}

/**
 * Returns the data key in such a ciphertext, whose length was checked before.
 *
 * @param sharedSecret the x coordinate on which both parties agree, in full length; neither kept nor changed
 * @throws KeyringError `DATA_KEY_NOT_OPENED` if commitment key or tag are not those of this binding and secret
 */
export async function openDataKey(
  binding: EcdhBinding,
  sharedSecret: Uint8Array,
  ciphertext: Uint8Array,
): Promise<Uint8Array> {
  const nonce = ciphertext.subarray(0, NONCE_LENGTH);
  const commitment = ciphertext.subarray(NONCE_LENGTH, SEALED_OFFSET);
  const sealed = ciphertext.subarray(SEALED_OFFSET);
  const fixedInfo = fixedInfoOf(binding);
  return withDerivedKeys(sharedSecret, fixedInfo, nonce, async ({ commitmentKey, wrappingKey }) => {
    if (!constantTimeEqual(commitmentKey, commitment)) throw notOpened();
    const dataKey = secretBytes(sealed.length - TAG_LENGTH);
    const key = await aesGcmKey(wrappingKey);
    if (!(await key.open(ZERO_IV, fixedInfo, sealed, dataKey))) throw notOpened();
    return dataKey;
  });
}

interface DerivedKeys {
  readonly commitmentKey: Uint8Array;
  readonly wrappingKey: Uint8Array;
}

async function withDerivedKeys<T>(
  sharedSecret: Uint8Array,
  fixedInfo: Uint8Array,
  nonce: Uint8Array,
  work: (keys: DerivedKeys) => Promise<T>,
): Promise<T> {
  const purpose = { label: fixedInfo, context: nonce };
  const derived = await deriveInCounterMode('SHA-384', sharedSecret, purpose, 2 * KEY_LENGTH);
  try {
    return await work({
      commitmentKey: derived.subarray(0, KEY_LENGTH),
      wrappingKey: derived.subarray(KEY_LENGTH),
    });
  } finally {
    derived.fill(0);
  }
}

/** Label of the derivation, and what AES-GCM authenticates. */
function fixedInfoOf({ parties: { curve, sender, recipient }, encryptionContext }: EcdhBinding): Uint8Array {
  return Buffer.concat([
    Buffer.from(`ecdh-key-derivation\0${CURVE_NAMES[curve]}\0HMAC_SHA384\0`),
    sender,
    recipient,
    Uint8Array.of(0, PROVIDER_INFO_VERSION, 0),
    contextBytes(encryptionContext),
  ]);
}

function notOpened(): KeyringError {
  return new KeyringError(
    'DATA_KEY_NOT_OPENED',
    'the shared secret, encryption context or encrypted data key is another',
  );
}

// The specification spells them differently; these are what its implementations write.
const CURVE_NAMES = {
  'P-256': 'p256',
  'P-384': 'p384',
  'P-521': 'p521',
} as const satisfies Record<EcdhCurve, string>;
const NONCE_LENGTH = 32;
const KEY_LENGTH = 32;
const SEALED_OFFSET = NONCE_LENGTH + KEY_LENGTH;
const TAG_LENGTH = 16;
// Each wrapping key seals once: the nonce of its derivation is new every time.
const ZERO_IV = new Uint8Array(12);
