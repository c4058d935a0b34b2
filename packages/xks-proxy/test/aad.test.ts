import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { tokenAad } from '../src/aad.ts';

it('the token authenticates both lengths and both fields', () => {
  const aad = tokenAad(Buffer.from('context'), Buffer.from('meta'));
  expect(Buffer.from(aad).toString('latin1')).toBe('\x00\x07context\x04meta');
});

it('absent fields have length zero', () => {
  expect([...tokenAad(new Uint8Array(), new Uint8Array())]).toEqual([0, 0, 0]);
});

it('the fields can be read back, so no two pairs share their bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8192 }), fc.uint8Array({ maxLength: 20 }), (aad, metadata) => {
      const bytes = Buffer.from(tokenAad(aad, metadata));
      const length = bytes.readUInt16BE();
      expect(bytes.subarray(2, 2 + length).equals(aad)).toBe(true);
      expect(bytes.readUInt8(2 + length)).toBe(metadata.length);
      expect(bytes.subarray(3 + length).equals(metadata)).toBe(true);
    }),
  );
});
