import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { afterEach, expect, it, vi } from 'vitest';
import { destroyKeys, importRsaKey } from '../../src/testing.ts';
import { codeIn } from '../fixtures/error-code.ts';
import { describeWithEachToken } from '../fixtures/with-token.ts';

const newKeyPair = promisify(generateKeyPair);
const pairs = await Promise.all(
  [2048, 2048, 1024].map(async (modulusLength) => newKeyPair('rsa', { modulusLength })),
);
const [first, second, short] = pairs.map(({ privateKey }) => privateKey);
const input = { padding: 'OAEP-SHA-1', plaintext: new Uint8Array(32).fill(7) } as const;

describeWithEachToken('an RSA key', (context) => {
  afterEach(() => void vi.useRealTimers());

  it('is generated with halves that belong together, of which the private one stays where it is', async () => {
    const { open, raw, slot } = context();
    const token = open();
    const key = token.generateRsaKey({ label: 'generated', id: Uint8Array.of(1, 2), modulusBits: 2048 });
    expect(key).toMatchObject({ label: 'generated', usages: ['ENCRYPT', 'DECRYPT'], modulusBits: 2048 });
    expect(key.id).toEqual(Uint8Array.of(1, 2));
    const ciphertext = await key.encrypt(input);
    expect(await key.decrypt({ padding: input.padding, ciphertext })).toEqual(input.plaintext);

    const session = raw.C_OpenSession(slot, 4);
    raw.C_FindObjectsInit(session, [
      { type: 0x0, value: 0x3 },
      { type: 0x3, value: 'generated' },
    ]);
    const [handle = Buffer.alloc(8)] = raw.C_FindObjects(session, 1);
    raw.C_FindObjectsFinal(session);
    const flags = [0x103, 0x162, 0x107, 0x108].map((type) => ({ type }));
    expect(raw.C_GetAttributeValue(session, handle, flags).map(({ value }) => value[0])).toEqual([
      1, 0, 0, 0,
    ]);
    expect(() => raw.C_GetAttributeValue(session, handle, [{ type: 0x123 }])).toThrow(
      'CKR_ATTRIBUTE_SENSITIVE',
    );
    raw.C_CloseSession(session);
    token.close();
  });

  it('has 3072 bits and an id of sixteen bytes unless something else is asked for', () => {
    const token = context().open();
    const key = token.generateRsaKey({ label: 'default' });
    expect(key.modulusBits).toBe(3072);
    expect(key.id).toHaveLength(16);
    expect(key.publicKey().asymmetricKeyDetails).toEqual({ modulusLength: 3072, publicExponent: 65537n });
    token.close();
  });

  it('is not generated under a label that is taken, nor with a length that is none', () => {
    const { open, temporary } = context();
    const token = open();
    importRsaKey(temporary, {
      label: 'taken',
      id: Uint8Array.of(3),
      privateKey: known(first),
      halves: ['public'],
    });
    expect(codeIn(() => token.generateRsaKey({ label: 'taken' }))).toBe('KEY_EXISTS');
    for (const modulusBits of [0, 1024, 2047, 2049, Number.NaN]) {
      expect(() => token.generateRsaKey({ label: 'odd', modulusBits })).toThrow(RangeError);
    }
    expect(() => token.generateRsaKey({ label: '' })).toThrow(RangeError);
    destroyKeys(temporary, { label: 'taken' });
    token.close();
  });

  it('is found by label, by id or by both, and no key of another kind is', () => {
    const { open, temporary } = context();
    const id = Uint8Array.of(0xca, 0xfe);
    importRsaKey(temporary, { label: 'found', id, privateKey: known(first) });
    const token = open();
    const key = token.rsaKey({ label: 'found' });
    expect(token.rsaKey({ label: 'found' })).toBe(key);
    expect(token.rsaKey({ id }).publicKey().equals(key.publicKey())).toBe(true);
    expect(token.rsaKey({ label: 'found', id }).label).toBe('found');
    expect(codeIn(() => token.rsaKey({ label: 'found', id: Uint8Array.of(1) }))).toBe('KEY_NOT_FOUND');
    expect(codeIn(() => token.aesKey({ label: 'found' }))).toBe('KEY_NOT_FOUND');
    token.generateAesKey({ label: 'symmetric' });
    expect(codeIn(() => token.rsaKey({ label: 'symmetric' }))).toBe('KEY_NOT_FOUND');
    expect(() => token.rsaKey({})).toThrow(TypeError);
    destroyKeys(temporary, { label: 'found' });
    token.close();
  });

  it('gives away its public half, and no more', () => {
    const { open, temporary } = context();
    importRsaKey(temporary, { label: 'public', privateKey: known(first) });
    const token = open();
    const publicKey = token.rsaKey({ label: 'public' }).publicKey();
    expect(publicKey.type).toBe('public');
    expect(publicKey.equals(pairs[0]?.publicKey ?? publicKey)).toBe(true);
    destroyKeys(temporary, { label: 'public' });
    token.close();
  });

  it('whose public exponent the token keeps to itself is used there, and gives away nothing', async () => {
    const { open, temporary, cryptoki } = context();
    importRsaKey(temporary, { label: 'tight-lipped', privateKey: known(first) });
    const token = open();
    const read = cryptoki.C_GetAttributeValue.bind(cryptoki);
    const reading = vi
      .spyOn(cryptoki, 'C_GetAttributeValue')
      .mockImplementation((session, object, wanted) => {
        if (!wanted.some(({ type }) => type === 0x122)) return read(session, object, wanted);
        throw Object.assign(new Error('CKR_ATTRIBUTE_TYPE_INVALID'), { code: 0x12 });
      });
    const key = token.rsaKey({ label: 'tight-lipped' });
    reading.mockRestore();
    expect(codeIn(() => key.publicKey())).toBe('KEY_UNSUITABLE');
    const ciphertext = await key.encrypt(input);
    expect(await key.decrypt({ padding: input.padding, ciphertext })).toEqual(input.plaintext);
    destroyKeys(temporary, { label: 'tight-lipped' });
    token.close();
  });

  it('with one half in the token does what that half can', async () => {
    const { open, temporary } = context();
    importRsaKey(temporary, {
      label: 'writer',
      id: Uint8Array.of(5),
      privateKey: known(first),
      halves: ['public'],
    });
    importRsaKey(temporary, {
      label: 'reader',
      id: Uint8Array.of(6),
      privateKey: known(second),
      halves: ['private'],
    });
    const token = open();
    const [writer, reader] = [token.rsaKey({ label: 'writer' }), token.rsaKey({ label: 'reader' })];
    expect([writer.usages, reader.usages]).toEqual([['ENCRYPT'], ['DECRYPT']]);
    const ciphertext = await writer.encrypt(input);
    const forbidden = { code: 'KEY_USAGE_FORBIDDEN' };
    await expect(writer.decrypt({ padding: input.padding, ciphertext })).rejects.toMatchObject(forbidden);
    await expect(reader.encrypt(input)).rejects.toMatchObject(forbidden);
    expect(reader.publicKey().equals(pairs[1]?.publicKey ?? writer.publicKey())).toBe(true);
    for (const label of ['writer', 'reader']) destroyKeys(temporary, { label });
    token.close();
  });

  it('takes for its public half the one with its modulus, not one with its name', async () => {
    const { open, temporary } = context();
    importRsaKey(temporary, {
      label: 'mixed',
      id: Uint8Array.of(7),
      privateKey: known(first),
      halves: ['private'],
    });
    importRsaKey(temporary, {
      label: 'mixed',
      id: Uint8Array.of(8),
      privateKey: known(second),
      halves: ['public'],
    });
    importRsaKey(temporary, {
      label: 'other',
      id: Uint8Array.of(9),
      privateKey: known(first),
      halves: ['public'],
    });
    const token = open();
    const key = token.rsaKey({ label: 'mixed' });
    expect(key.usages).toEqual(['ENCRYPT', 'DECRYPT']);
    const ciphertext = await key.encrypt(input);
    expect(await key.decrypt({ padding: input.padding, ciphertext })).toEqual(input.plaintext);
    for (const label of ['mixed', 'other']) destroyKeys(temporary, { label });
    token.close();
  });

  it('is refused when several have its label, or when it is too short', () => {
    const { open, temporary } = context();
    importRsaKey(temporary, { label: 'twins', id: Uint8Array.of(10), privateKey: known(first) });
    importRsaKey(temporary, { label: 'twins', id: Uint8Array.of(11), privateKey: known(second) });
    importRsaKey(temporary, { label: 'short', privateKey: known(short) });
    const token = open();
    expect(codeIn(() => token.rsaKey({ label: 'twins' }))).toBe('KEY_AMBIGUOUS');
    expect(token.rsaKey({ label: 'twins', id: Uint8Array.of(11) }).id).toEqual(Uint8Array.of(11));
    expect(codeIn(() => token.rsaKey({ label: 'short' }))).toBe('KEY_UNSUITABLE');
    for (const label of ['twins', 'short']) destroyKeys(temporary, { label });
    token.close();
  });

  it('is found again when it was replaced under its label, and missed when it was deleted', async () => {
    const { open, temporary } = context();
    const token = open();
    importRsaKey(temporary, { label: 'replaced', privateKey: known(first) });
    const key = token.rsaKey({ label: 'replaced' });
    const before = await key.encrypt(input);
    destroyKeys(temporary, { label: 'replaced' });
    importRsaKey(temporary, { label: 'replaced', privateKey: known(second) });
    const after = await key.encrypt(input);
    expect(await key.decrypt({ padding: input.padding, ciphertext: after })).toEqual(input.plaintext);
    await expect(key.decrypt({ padding: input.padding, ciphertext: before })).rejects.toMatchObject({
      code: 'DECRYPTION_FAILED',
    });
    destroyKeys(temporary, { label: 'replaced' });
    await expect(key.encrypt(input)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    expect(codeIn(() => token.rsaKey({ label: 'replaced' }))).toBe('KEY_NOT_FOUND');
    token.close();
  });
});

function known(key: typeof first): NonNullable<typeof first> {
  return key ?? expect.unreachable();
}
