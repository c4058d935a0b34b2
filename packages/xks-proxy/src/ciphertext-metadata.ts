import { Encoder } from 'cbor-x';

/** The facts about a ciphertext that the proxy needs in order to decrypt it later. */
export interface CiphertextMetadata {
  /** The generation of the external key's material that encrypted, 1 to 65535. */
  readonly keyVersion: number;
}

/** Key version of an external key that was never rotated. */
export const FIRST_KEY_VERSION = 1;

/**
 * Encodes metadata as the canonical CBOR array `[layout version, key version]`: 3 to 5 bytes of the 20
 * that KMS stores. Throws RangeError for a key version outside 1 to 65535.
 */
export function encodeCiphertextMetadata({ keyVersion }: CiphertextMetadata): Uint8Array {
  if (!isKeyVersion(keyVersion)) throw new RangeError('keyVersion: expected an integer from 1 to 65535');
  return Buffer.from(CBOR.encode([LAYOUT_VERSION, keyVersion]));
}

/** Decodes metadata; `undefined` for anything but the canonical encoding of a known layout. */
export function decodeCiphertextMetadata(bytes: Uint8Array): CiphertextMetadata | undefined {
  let value: unknown;
  try {
    value = CBOR.decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const keyVersion: unknown = value[1];
  if (!isKeyVersion(keyVersion)) return undefined;
  const metadata = { keyVersion };
  // One encoding per value: longer integers, floats, tags and other layouts are refused here.
  return Buffer.compare(encodeCiphertextMetadata(metadata), bytes) === 0 ? metadata : undefined;
}

const isKeyVersion = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535;

const LAYOUT_VERSION = 1;
const CBOR = new Encoder({ useRecords: false });
