import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes.ts';
import {
  type MessageHeader,
  messageIdLength,
  type ParsedHeader,
  readHeader,
  writeHeader,
} from '../../src/format/header.ts';
import { Input } from '../../src/format/input.ts';
import { UnitReader } from '../../src/format/unit-reader.ts';
import { type AlgorithmSuite, suiteById } from '../../src/suites.ts';

const suites = [0x0014, 0x0178, 0x0214, 0x0378, 0x0478, 0x0578]
  .map(suiteById)
  .filter((suite): suite is AlgorithmSuite => suite !== undefined);
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const field = fc.uint8Array({ maxLength: 80 });
const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const headers: fc.Arbitrary<MessageHeader> = fc.constantFrom(...suites).chain((suite) =>
  fc.record({
    suite: fc.constant(suite),
    messageId: fixed(messageIdLength(suite)),
    encryptionContext: fc.dictionary(text, text, { maxKeys: 5, noNullPrototype: false }),
    encryptedDataKeys: fc.array(fc.record({ providerId: text, providerInfo: field, ciphertext: field }), {
      minLength: 1,
      maxLength: 4,
    }),
    contentType: fc.constant('framed' as const),
    frameLength: fc.integer({ min: 1, max: 0xffff_ffff }),
    commitKey: fixed(suite.committing ? 32 : 0),
  }),
);

const bytesOf = (header: MessageHeader): Uint8Array => {
  const { bytes, tag } = writeHeader(header);
  tag.fill(7);
  return bytes;
};

function read(bytes: Uint8Array, max = Infinity): ParsedHeader | undefined {
  const input = new Input();
  input.push(bytes);
  return new UnitReader(readHeader(max)).read(input)?.unit;
}

const plain = (header: MessageHeader | undefined) =>
  header && { ...header, encryptionContext: Object.entries(header.encryptionContext).sort() };

describe('a header', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(headers, (header) => {
        const parsed = read(bytesOf(header));
        expect(plain(parsed?.header)).toEqual(plain(header));
        expect(parsed?.bodyLength).toBe(writeHeader(header).body.length);
        expect(parsed?.authentication).toEqual({ iv: new Uint8Array(12), tag: new Uint8Array(16).fill(7) });
      }),
    );
  });

  it('reads the same byte by byte, and not before its last byte', () => {
    fc.assert(
      fc.property(headers, (header) => {
        const bytes = bytesOf(header);
        const reader = new UnitReader(readHeader(Infinity));
        const input = new Input();
        for (const [i, byte] of bytes.entries()) {
          input.push(Uint8Array.of(byte));
          const parsed = reader.read(input);
          input.settle();
          if (i < bytes.length - 1) expect(parsed).toBeUndefined();
          else expect(plain(parsed?.unit.header)).toEqual(plain(header));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('answers random bytes with its own errors only', () => {
    fc.assert(
      fc.property(headers, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }), (header, at, noise) => {
        const bytes = bytesOf(header);
        bytes.set(noise.subarray(0, bytes.length - (at % bytes.length)), at % bytes.length);
        try {
          read(bytes, 100);
        } catch (error) {
          expect(error).toMatchObject({ name: 'EncryptionSdkError' });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is not written with a provider id that would read back as another', () => {
    fc.assert(
      fc.property(headers, (header) => {
        const [first, ...others] = header.encryptedDataKeys;
        if (first === undefined) return;
        const damaged = { ...first, providerId: `${first.providerId}\ud800` };
        expect(() => bytesOf({ ...header, encryptedDataKeys: [...others, damaged] })).toThrow(
          expect.objectContaining({ code: 'MATERIALS_INVALID' }),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('is refused as soon as the count of encrypted data keys exceeds the limit', () => {
    // Version 2, suite 0x0478, message id, no context, 65,535 encrypted data keys of which none is there.
    const bytes = concat([Uint8Array.of(2, 4, 0x78), new Uint8Array(32), Uint8Array.of(0, 0, 0xff, 0xff)]);
    expect(() => read(bytes, 64)).toThrow(expect.objectContaining({ code: 'TOO_MANY_ENCRYPTED_DATA_KEYS' }));
    expect(read(bytes)).toBeUndefined();
  });
});
