import { Encoder } from 'cbor-x';
import { KmsException } from '../kms-exception.ts';
import type { XksCiphertext } from '../xks/wire.ts';

/**
 * What a CiphertextBlob of a symmetric key says: the key, and the ciphertext of its outermost layer. The version
 * tag, 16 bytes, tells the materials of a rotated key apart.
 */
export type Ciphertext =
  | { readonly keyId: string; readonly versionTag: Uint8Array; readonly sealed: Uint8Array }
  | { readonly keyId: string; readonly external: XksCiphertext };

/**
 * A CiphertextBlob: a CBOR array that opens with its layout.
 * `[1, key id, version tag, sealed]` holds the key's own layer,
 * `[2, key id, ciphertext, IV, tag, metadata]` the external one.
 */
export function encodeCiphertextBlob(ciphertext: Ciphertext): Uint8Array {
  if ('sealed' in ciphertext)
    return CBOR.encode([OWN, ciphertext.keyId, ciphertext.versionTag, ciphertext.sealed]);
  const { keyId, external } = ciphertext;
  const { metadata = null } = external;
  return CBOR.encode([EXTERNAL, keyId, external.ciphertext, external.iv, external.tag, metadata]);
}

/** Reads a CiphertextBlob in its one canonical form; anything else is InvalidCiphertextException. */
export function decodeCiphertextBlob(blob: Uint8Array): Ciphertext {
  const ciphertext = fromCbor(blob);
  // CBOR has many spellings of one value; taking only ours leaves a forger nothing to vary.
  if (!ciphertext || Buffer.compare(encodeCiphertextBlob(ciphertext), blob) !== 0) throw invalidCiphertext();
  return ciphertext;
}

/** The answer to every ciphertext that does not open, whatever the reason. */
export function invalidCiphertext(): KmsException {
  return new KmsException(
    'InvalidCiphertextException',
    'The ciphertext or its encryption context is not valid.',
  );
}

function fromCbor(blob: Uint8Array): Ciphertext | undefined {
  const value = decoded(blob);
  if (!isArray(value)) return undefined;
  const [layout, keyId, ...parts] = value;
  if (typeof keyId !== 'string') return undefined;
  if (layout === OWN) {
    const [versionTag, sealed] = parts;
    return isBytes(versionTag) && isBytes(sealed) ? { keyId, versionTag, sealed } : undefined;
  }
  if (layout === EXTERNAL) {
    const [ciphertext, iv, tag, metadata] = parts;
    if (!isBytes(ciphertext) || !isBytes(iv) || !isBytes(tag)) return undefined;
    if (metadata === null) return { keyId, external: { ciphertext, iv, tag } };
    return isBytes(metadata) ? { keyId, external: { ciphertext, iv, tag, metadata } } : undefined;
  }
  return undefined;
}

function decoded(blob: Uint8Array): unknown {
  try {
    return CBOR.decode(blob);
  } catch {
    return undefined;
  }
}

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

const OWN = 1;
const EXTERNAL = 2;
const CBOR = new Encoder({ useRecords: false, tagUint8Array: false, mapsAsObjects: false });
