import { KmsException } from '../kms-exception.ts';

/** Name-value pairs that a ciphertext is bound to: exact, case-sensitive, in no order. */
export type EncryptionContext = ReadonlyMap<string, string>;

/**
 * The bytes that both encryption layers authenticate: the key's id and the encryption context.
 *
 * Layout: the four bytes `HLK1`, the key id, the number of pairs, then name and value of each pair in the order
 * of the names' UTF-8 bytes. Every length and the count are 32-bit big-endian, so no two contexts share an
 * encoding. Throws ValidationException above 8192 bytes, the most an XKS proxy has to take.
 */
export function additionalAuthenticatedData(keyId: string, context: EncryptionContext): Uint8Array {
  const pairs = [...context]
    .map(([name, value]) => [Buffer.from(name, 'utf8'), Buffer.from(value, 'utf8')] as const)
    .sort(([a], [b]) => a.compare(b));
  const bytes = Buffer.concat([
    MAGIC,
    ...lengthPrefixed(Buffer.from(keyId, 'utf8')),
    uint32(pairs.length),
    ...pairs.flatMap(([name, value]) => [...lengthPrefixed(name), ...lengthPrefixed(value)]),
  ]);
  if (bytes.length > MAX_ENCODED_BYTES) {
    throw new KmsException('ValidationException', 'The encryption context is too large.');
  }
  return bytes;
}

function lengthPrefixed(bytes: Buffer): Buffer[] {
  return [uint32(bytes.length), bytes];
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const MAGIC = Buffer.from('HLK1', 'latin1');
const MAX_ENCODED_BYTES = 8192;
