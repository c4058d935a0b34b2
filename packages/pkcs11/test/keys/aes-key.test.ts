import { afterEach, expect, it, vi } from 'vitest';
import { destroyKeys, importAesKey } from '../../src/testing.ts';
import { codeIn } from '../fixtures/error-code.ts';
import { describeWithEachToken } from '../fixtures/with-token.ts';

describeWithEachToken('a key', (context) => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
  const iv = new Uint8Array(12);
  const aad = Uint8Array.of(1, 2, 3);
  const plaintext = Uint8Array.of(4, 5, 6);

  it('is found by label, by id or by both, and looked up once', () => {
    const token = context().open();
    const key = token.generateAesKey({ label: 'orders', id: Uint8Array.of(0xca, 0xfe) });
    expect(key).toMatchObject({ label: 'orders', usages: ['ENCRYPT', 'DECRYPT'] });
    expect(key.id).toEqual(Uint8Array.of(0xca, 0xfe));
    expect(token.aesKey({ id: key.id })).toMatchObject({ label: 'orders' });
    expect(token.aesKey({ label: 'orders' })).toBe(token.aesKey({ label: 'orders' }));
    expect(token.aesKey({ label: 'orders', id: key.id })).toBe(key);
    expect(codeIn(() => token.aesKey({ label: 'orders', id: Uint8Array.of(1) }))).toBe('KEY_NOT_FOUND');
    expect(() => token.aesKey({})).toThrow(TypeError);
    token.close();
  });

  it('gets sixteen bytes of id unless one is given', () => {
    const token = context().open();
    expect(token.generateAesKey({ label: 'with-id' }).id).toHaveLength(16);
    token.close();
  });

  it('cannot be read out of the token', () => {
    const { open, raw, slot } = context();
    const token = open();
    token.generateAesKey({ label: 'sealed' });
    const session = raw.C_OpenSession(slot, 4);
    raw.C_FindObjectsInit(session, [{ type: 0x3, value: 'sealed' }]);
    const [handle = Buffer.alloc(8)] = raw.C_FindObjects(session, 1);
    raw.C_FindObjectsFinal(session);
    const flags = [0x103, 0x162, 0x106, 0x107, 0x108, 0x10a, 0x10c].map((type) => ({ type }));
    expect(raw.C_GetAttributeValue(session, handle, flags).map(({ value }) => value[0])).toEqual([
      1, 0, 0, 0, 0, 0, 0,
    ]);
    expect(() => raw.C_GetAttributeValue(session, handle, [{ type: 0x11 }])).toThrow(
      'CKR_ATTRIBUTE_SENSITIVE',
    );
    raw.C_CloseSession(session);
    token.close();
  });

  it('is not generated under a label that is taken', () => {
    const token = context().open();
    token.generateAesKey({ label: 'taken' });
    expect(codeIn(() => token.generateAesKey({ label: 'taken' }))).toBe('KEY_EXISTS');
    expect(() => token.generateAesKey({ label: '' })).toThrow(RangeError);
    token.close();
  });

  it('is generated where the token has no session left but idle ones, which are there again afterwards', async () => {
    const { open, cryptoki } = context();
    const token = open({ maxSessions: 2, calls: 'threadpool' });
    const key = token.generateAesKey({ label: 'of two calls at once' });
    await Promise.all([key.encrypt({ iv, aad, plaintext }), key.encrypt({ iv, aad, plaintext })]);
    const { idle } = token.sessions();
    const opening = vi.spyOn(cryptoki, 'C_OpenSession').mockImplementationOnce(() => {
      throw Object.assign(new Error('CKR_SESSION_COUNT'), { code: 0xb1 });
    });
    expect(token.generateAesKey({ label: 'of a token that is full' }).label).toBe('of a token that is full');
    expect(opening).toHaveBeenCalledTimes(2);
    expect(token.sessions()).toEqual({ open: idle - 1, idle: idle - 1, limit: 2 });
    token.close();
  });

  it('is generated where the token has one session', async () => {
    const { open, raw, cryptoki } = context();
    const token = open();
    let sessions = 1;
    vi.spyOn(cryptoki, 'C_OpenSession').mockImplementation((slot, flags) => {
      if (sessions === 1) throw Object.assign(new Error('CKR_SESSION_COUNT'), { code: 0xb1 });
      sessions += 1;
      return raw.C_OpenSession(slot, flags);
    });
    vi.spyOn(cryptoki, 'C_CloseSession').mockImplementation((session) => {
      sessions -= 1;
      raw.C_CloseSession(session);
    });
    const key = token.generateAesKey({ label: 'of a small token' });
    expect((await key.encrypt({ iv, aad, plaintext })).tag).toHaveLength(16);
    expect(codeIn(() => token.generateAesKey({ label: 'of a small token' }))).toBe('KEY_EXISTS');
    expect((await key.encrypt({ iv, aad, plaintext })).tag).toHaveLength(16);
    token.close();
  });

  it('is not generated for usages that there are not, or for none', () => {
    const token = context().open();
    // @ts-expect-error JavaScript lets this through.
    expect(() => token.generateAesKey({ label: 'of no use', usages: ['encrypt'] })).toThrow(TypeError);
    expect(() => token.generateAesKey({ label: 'of no use', usages: [] })).toThrow(TypeError);
    expect(codeIn(() => token.aesKey({ label: 'of no use' }))).toBe('KEY_NOT_FOUND');
    token.close();
  });

  it('is refused when its label is ambiguous, and found by label and id', () => {
    const { open, temporary } = context();
    const value = new Uint8Array(32);
    importAesKey(temporary, { label: 'twins', id: Uint8Array.of(1), value });
    importAesKey(temporary, { label: 'twins', id: Uint8Array.of(2), value });
    const token = open();
    expect(codeIn(() => token.aesKey({ label: 'twins' }))).toBe('KEY_AMBIGUOUS');
    expect(token.aesKey({ label: 'twins', id: Uint8Array.of(2) }).id).toEqual(Uint8Array.of(2));
    token.close();
  });

  it('is refused when it is no AES-256 key', () => {
    const { open, temporary } = context();
    importAesKey(temporary, { label: 'short', value: new Uint8Array(16) });
    const token = open();
    expect(codeIn(() => token.aesKey({ label: 'short' }))).toBe('KEY_UNSUITABLE');
    token.close();
  });

  it('does only what its usages permit', async () => {
    const token = context().open();
    const encryptOnly = token.generateAesKey({ label: 'encrypt-only', usages: ['ENCRYPT'] });
    const decryptOnly = token.generateAesKey({ label: 'decrypt-only', usages: ['DECRYPT'] });
    expect(encryptOnly.usages).toEqual(['ENCRYPT']);
    expect(decryptOnly.usages).toEqual(['DECRYPT']);
    const sealed = await encryptOnly.encrypt({ iv, aad, plaintext });
    const forbidden = { code: 'KEY_USAGE_FORBIDDEN' };
    await expect(encryptOnly.decrypt({ iv, aad, ...sealed })).rejects.toMatchObject(forbidden);
    await expect(decryptOnly.encrypt({ iv, aad, plaintext })).rejects.toMatchObject(forbidden);
    token.close();
  });

  it('is found again when it was replaced under its label, and missed when it was deleted', async () => {
    const { open, temporary } = context();
    const destroy = () => destroyKeys(temporary, { label: 'replaced' });
    const token = open();
    token.generateAesKey({ label: 'replaced' });
    const key = token.aesKey({ label: 'replaced' });
    const before = await key.encrypt({ iv, aad, plaintext });
    destroy();
    importAesKey(temporary, { label: 'replaced', value: new Uint8Array(32).fill(1) });
    const after = await key.encrypt({ iv, aad, plaintext });
    expect(after.tag).not.toEqual(before.tag);
    expect(await key.decrypt({ iv, aad, ...after })).toEqual(plaintext);
    destroy();
    await expect(key.encrypt({ iv, aad, plaintext })).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    await expect(key.encrypt({ iv, aad, plaintext })).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    expect(codeIn(() => token.aesKey({ label: 'replaced' }))).toBe('KEY_NOT_FOUND');
    importAesKey(temporary, { label: 'replaced', value: new Uint8Array(32).fill(1) });
    expect(await key.encrypt({ iv, aad, plaintext })).toEqual(after);
    expect(await token.aesKey({ label: 'replaced' }).encrypt({ iv, aad, plaintext })).toEqual(after);
    token.close();
  });

  it('is looked up at once when a caller asks for its current state', () => {
    const { open, temporary } = context();
    const token = open();
    const key = token.generateAesKey({ label: 'vouched-for' });
    const { id } = key;
    destroyKeys(temporary, { label: 'vouched-for' });
    expect(token.aesKey({ label: 'vouched-for', id })).toBe(key);
    expect(codeIn(() => token.aesKey({ label: 'vouched-for', id }, { fresh: true }))).toBe('KEY_NOT_FOUND');
    expect(codeIn(() => token.aesKey({ label: 'vouched-for', id }))).toBe('KEY_NOT_FOUND');
    token.close();
  });

  it('is looked up once a minute, so that a second one under its label shows', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { open, temporary } = context();
    const token = open();
    const value = new Uint8Array(32);
    importAesKey(temporary, { label: 'doubled', value });
    const key = token.aesKey({ label: 'doubled' });
    importAesKey(temporary, { label: 'doubled', value });
    const ambiguous = { code: 'KEY_AMBIGUOUS' };
    vi.advanceTimersByTime(59_000);
    expect((await key.encrypt({ iv, aad, plaintext })).tag).toHaveLength(16);
    expect(token.aesKey({ label: 'doubled' })).toBe(key);
    vi.advanceTimersByTime(2000);
    await expect(key.encrypt({ iv, aad, plaintext })).rejects.toMatchObject(ambiguous);
    expect(codeIn(() => token.aesKey({ label: 'doubled' }))).toBe('KEY_AMBIGUOUS');
    await expect(key.encrypt({ iv, aad, plaintext })).rejects.toMatchObject(ambiguous);
    token.close();
  });

  it('is taken as it was found where the token has no session left to look it up, and looked up by the next call', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { open, cryptoki, temporary } = context();
    importAesKey(temporary, { label: 'of a busy token', value: new Uint8Array(32) });
    const token = open({ calls: 'threadpool' });
    const key = token.aesKey({ label: 'of a busy token' });
    const busy = key.encrypt({ iv, aad, plaintext });
    vi.advanceTimersByTime(61_000);
    const opening = vi.spyOn(cryptoki, 'C_OpenSession').mockImplementation(() => {
      throw Object.assign(new Error('CKR_SESSION_COUNT'), { code: 0xb1 });
    });
    expect(token.aesKey({ label: 'of a busy token' })).toBe(key);
    expect(codeIn(() => token.aesKey({ label: 'of a busy token' }, { fresh: true }))).toBe(
      'SESSIONS_EXHAUSTED',
    );
    const search = vi.spyOn(cryptoki, 'C_FindObjectsInit');
    const [sealed] = await Promise.all([key.encrypt({ iv, aad, plaintext }), busy]);
    expect(sealed.tag).toHaveLength(16);
    expect(search).toHaveBeenCalledTimes(1);
    opening.mockRestore();
    search.mockRestore();
    token.close();
  });
});
