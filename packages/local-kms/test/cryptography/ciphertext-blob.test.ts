import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeCiphertextBlob, encodeCiphertextBlob } from '../../src/cryptography/ciphertext-blob.ts';

const bytes = fc.uint8Array({ maxLength: 300 });
const ciphertexts = fc.oneof(
  fc.record({ keyId: fc.string({ maxLength: 40 }), versionTag: bytes, sealed: bytes }),
  fc.record({
    keyId: fc.string({ maxLength: 40 }),
    external: fc.record(
      { ciphertext: bytes, iv: bytes, tag: bytes, metadata: bytes },
      { requiredKeys: ['ciphertext', 'iv', 'tag'] },
    ),
  }),
);
const invalid: unknown = expect.objectContaining({ code: 'InvalidCiphertextException' });

describe('a CiphertextBlob', () => {
  test('reads back as what was written', () => {
    fc.assert(
      fc.property(ciphertexts, (ciphertext) => {
        const blob = encodeCiphertextBlob(ciphertext);
        const decoded = decodeCiphertextBlob(blob);
        expect(Object.keys(decoded)).toEqual(Object.keys(ciphertext));
        expect(Buffer.from(encodeCiphertextBlob(decoded))).toEqual(Buffer.from(blob));
      }),
    );
  });

  test('has one spelling only: no other bytes read as the same value', () => {
    fc.assert(
      fc.property(ciphertexts, fc.nat(), fc.integer({ min: 1, max: 255 }), (ciphertext, position, flip) => {
        const blob = Buffer.from(encodeCiphertextBlob(ciphertext));
        const changed = Buffer.from(blob);
        const at = position % blob.length;
        changed.writeUInt8(changed.readUInt8(at) ^ flip, at);
        try {
          expect(changed.equals(encodeCiphertextBlob(decodeCiphertextBlob(changed)))).toBe(true);
        } catch (error) {
          expect(error).toEqual(invalid);
        }
      }),
    );
  });

  test('is nothing but bytes of its own making', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
        expect(() => decodeCiphertextBlob(noise)).toThrow(invalid);
      }),
    );
  });

  test.each([
    ['with bytes after its end', (blob: Buffer) => Buffer.concat([blob, Buffer.from([0])])],
    ['that is cut short', (blob: Buffer) => blob.subarray(0, -1)],
    [
      'of indefinite length',
      (blob: Buffer) => Buffer.concat([Buffer.from([0x9f]), blob.subarray(1), Buffer.from([0xff])]),
    ],
    [
      'with a layout in two bytes',
      (blob: Buffer) => Buffer.concat([blob.subarray(0, 1), Buffer.from([0x18, 1]), blob.subarray(2)]),
    ],
    [
      'of a layout to come',
      (blob: Buffer) => Buffer.concat([blob.subarray(0, 1), Buffer.from([3]), blob.subarray(2)]),
    ],
    ['in a tag', (blob: Buffer) => Buffer.concat([Buffer.from([0xd9, 0xd9, 0xf7]), blob])],
    [
      'with one element more',
      (blob: Buffer) => Buffer.concat([Buffer.from([0x85]), blob.subarray(1), Buffer.from([0])]),
    ],
  ])('%s is refused', (_title, change) => {
    const blob = Buffer.from(
      encodeCiphertextBlob({
        keyId: 'key',
        versionTag: Buffer.from('tag'),
        sealed: Buffer.from('sealed'),
      }),
    );
    expect(() => decodeCiphertextBlob(blob)).not.toThrow();
    expect(() => decodeCiphertextBlob(change(blob))).toThrow(invalid);
  });
});
