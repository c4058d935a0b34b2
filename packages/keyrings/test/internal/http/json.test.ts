import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64, fromBase64, knownWord } from '../../../src/internal/http/json.ts';
import { member } from '../../../src/internal/member.ts';

describe.each(['base64', 'base64url'] as const)('%s in JSON', (form) => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = base64(bytes, form);
        expect(text).toBe(Buffer.from(bytes).toString(form));
        expect(fromBase64(text, form)).toEqual(bytes);
      }),
    );
  });

  it('is read in its canonical form alone', () => {
    fc.assert(
      fc.property(
        fc.string({
          maxLength: 12,
          unit: fc.constantFrom('A', 'B', '9', '+', '/', '-', '_', '=', ' ', '\n', '*', 'é'),
        }),
        (text) => {
          const bytes = fromBase64(text, form);
          expect(bytes === undefined || base64(bytes, form) === text).toBe(true);
        },
      ),
    );
  });

  it('is never read from something else than a text', () => {
    for (const value of [undefined, null, 1, {}, ['AAAA']]) expect(fromBase64(value, form)).toBeUndefined();
  });
});

it('a member of something that is not an object, or not its own, is none', () => {
  expect(member({ a: 1 }, 'a')).toBe(1);
  for (const json of [undefined, null, 1, 'a', [1], {}]) {
    for (const name of ['a', 'length', '0', 'toString', '__proto__'])
      expect(member(json, name)).toBeUndefined();
  }
});

it('a known word is found in a text and in the texts of a list', () => {
  const known = ['sealed', 'denied'];
  expect(knownWord(known, 'Vault is sealed')).toBe('sealed');
  expect(knownWord(known, [1, null, ['sealed'], 'permission denied'])).toBe('denied');
  for (const text of [undefined, 1, {}, [], 'else', [['sealed']]])
    expect(knownWord(known, text)).toBeUndefined();
});
