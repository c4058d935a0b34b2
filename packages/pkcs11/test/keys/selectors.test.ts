import { expect, it } from 'vitest';
import { destroyKeys, importAesKey } from '../../src/testing.ts';
import { codeIn } from '../fixtures/error-code.ts';
import { describeWithToken } from '../fixtures/with-token.ts';

describeWithToken('a selector of a key', (context) => {
  const value = new Uint8Array(32).fill(1);

  it('has an id of bytes, and a label of text', () => {
    const { open, temporary } = context();
    importAesKey(temporary, { label: 'without an id', id: new Uint8Array(0), value });
    const token = open();
    for (const id of ['deadbeef', '', 7, null, {}, [1, 2], new Uint16Array([1, 2])]) {
      // @ts-expect-error
      expect(() => token.aesKey({ id })).toThrow(TypeError);
      // @ts-expect-error
      expect(() => token.rsaKey({ id })).toThrow(TypeError);
    }
    for (const label of [5, true, null, Buffer.from('orders'), [], {}, () => 1]) {
      // @ts-expect-error
      expect(() => token.aesKey({ label })).toThrow(TypeError);
      // @ts-expect-error
      expect(() => token.rsaKey({ label })).toThrow(TypeError);
    }
    token.close();
  });

  it('of another type makes no key', () => {
    const token = context().open();
    const before = token.aesKeys();
    // @ts-expect-error
    expect(() => token.generateAesKey({ label: 'odd', id: 'deadbeef' })).toThrow(TypeError);
    // @ts-expect-error
    expect(() => token.generateAesKey({ label: new Date(0) })).toThrow(TypeError);
    // @ts-expect-error
    expect(() => token.generateRsaKey({ label: 'odd', id: 'deadbeef' })).toThrow(TypeError);
    expect(token.aesKeys()).toEqual(before);
    expect(codeIn(() => token.rsaKey({ label: 'odd' }))).toBe('KEY_NOT_FOUND');
    token.close();
  });

  it('is looked up in the token at its first use too, if the caller wants its current state', () => {
    const { open, temporary } = context();
    const labels = Array.from({ length: 12 }, (_, index) => `listed-${index}`);
    for (const label of labels) importAesKey(temporary, { label, value });
    const token = open();
    for (const label of labels.slice(1)) token.aesKey({ label });
    importAesKey(temporary, { label: 'listed-0', value });
    expect(codeIn(() => token.aesKey({ label: 'listed-0' }, { fresh: true }))).toBe('KEY_AMBIGUOUS');
    token.close();
  });

  it('names the key that was generated last, if there was another by it', () => {
    const { open, temporary } = context();
    const token = open();
    const named = { label: 'again', id: Uint8Array.of(1) };
    token.generateAesKey({ ...named, usages: ['ENCRYPT'] });
    destroyKeys(temporary, named);
    expect(token.generateAesKey({ ...named, usages: ['DECRYPT'] }).usages).toEqual(['DECRYPT']);
    const before = token.generateRsaKey({ ...named, modulusBits: 2048 }).modulusBits;
    destroyKeys(temporary, named);
    expect([before, token.generateRsaKey({ ...named, modulusBits: 2056 }).modulusBits]).toEqual([2048, 2056]);
    token.close();
  });
});
