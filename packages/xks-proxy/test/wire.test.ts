import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { base64, parseBody, parseDecryptRequest, parseEncryptRequest } from '../src/wire.ts';

it('bytes survive their encoding', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 4300 }), (bytes) => {
      const request = parseEncryptRequest({ plaintext: base64(bytes), encryptionAlgorithm: 'AES_GCM' });
      expect(Buffer.compare(request.plaintext, bytes)).toBe(0);
    }),
  );
});

it('base64 has one spelling: text that is accepted is what its bytes encode to', () => {
  const text = fc.oneof(
    fc.base64String(),
    fc.string({ unit: 'binary', maxLength: 16 }),
    fc.stringMatching(/^[A-Za-z0-9+/_=\s-]{1,12}$/),
  );
  fc.assert(
    fc.property(text, (plaintext) => {
      const canonical = Buffer.from(plaintext, 'base64').toString('base64') === plaintext && plaintext !== '';
      const parse = () =>
        parseEncryptRequest({ plaintext, encryptionAlgorithm: 'AES_GCM' }).plaintext.toString('base64');
      expect(canonical ? parse() : plaintext).toBe(plaintext);
      expect(canonical || throws(parse)).toBe(true);
    }),
  );
});

it('no body and no object makes a parser fail with anything but an answer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(() => parseBody(bytes, 'application/json')).toThrow(
        expect.objectContaining({ name: 'XksException' }),
      );
    }),
  );
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('ciphertext', 'initializationVector', 'constructor'), fc.jsonValue()),
      (body) => {
        expect(() => parseDecryptRequest(body)).toThrow(expect.objectContaining({ name: 'XksException' }));
      },
    ),
  );
});

function throws(call: () => unknown): boolean {
  try {
    call();
    return false;
  } catch {
    return true;
  }
}
