import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { passphraseProtection } from '../../src/protection/passphrase.ts';

const PASSPHRASE = Buffer.from('correct horse battery staple');
const binding = Buffer.from('of the account');
const wrong: unknown = expect.objectContaining({ code: 'SECRET_WRONG' });

describe('a key under a passphrase', () => {
  test('comes back with the passphrase and what it is bound to, and with nothing else', async () => {
    const key = randomBytes(32);
    const protection = passphraseProtection(PASSPHRASE);
    const wrapped = await protection.wrap(key, binding);
    expect(Buffer.from(await protection.unwrap(wrapped, binding))).toEqual(key);
    await expect(protection.unwrap(wrapped, Buffer.from('of another'))).rejects.toEqual(wrong);
    const other = passphraseProtection(Buffer.from('correct horse battery stapl'));
    await expect(other.unwrap(wrapped, binding)).rejects.toEqual(wrong);
    const ofToken = { type: 'pkcs11', iv: binding, ciphertext: binding, tag: binding } as const;
    await expect(protection.unwrap(ofToken, binding)).rejects.toEqual(wrong);
  });

  test('is not the same twice', async () => {
    const protection = passphraseProtection(PASSPHRASE);
    const [one, two] = await Promise.all([1, 2].map(() => protection.wrap(Buffer.alloc(32), binding)));
    expect(one).not.toEqual(two);
  });

  test('keeps the passphrase to itself, and leaves that of the caller as it is', async () => {
    const given = Buffer.from(PASSPHRASE);
    const protection = passphraseProtection(given);
    await protection.wrap(Buffer.alloc(32), binding);
    expect(given).toEqual(PASSPHRASE);
    expect(inspect(protection, { depth: 9, showHidden: true })).not.toContain('horse');
    expect(() => passphraseProtection(new Uint8Array())).toThrow(RangeError);
  });

  test.each(['text', undefined, 7, new ArrayBuffer(8)])('takes no passphrase but bytes: %o', (given) => {
    expect((): unknown => Reflect.apply(passphraseProtection, undefined, [given])).toThrow(
      new TypeError('passphrase: expected a Uint8Array'),
    );
  });
});
