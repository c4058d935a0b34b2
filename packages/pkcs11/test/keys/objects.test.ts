import { afterEach, expect, it, vi } from 'vitest';
import { findObjects } from '../../src/keys/objects.ts';
import { importAesKey } from '../../src/testing.ts';
import { codeIn } from '../fixtures/error-code.ts';
import { describeWithToken } from '../fixtures/with-token.ts';

describeWithToken('a search', (context) => {
  afterEach(() => void vi.restoreAllMocks());

  it('that fails throws the reason, and is ended', () => {
    const { raw, slot } = context();
    const session = raw.C_OpenSession(slot, 4);
    const fails = (name: string, value: number) => () => {
      throw Object.assign(new Error(name), { code: value });
    };
    vi.spyOn(raw, 'C_FindObjects').mockImplementationOnce(fails('CKR_TOKEN_NOT_PRESENT', 0xe0));
    expect(codeIn(() => findObjects(raw, session, []))).toBe('TOKEN_UNAVAILABLE');
    expect(findObjects(raw, session, [])).toEqual([]);

    vi.spyOn(raw, 'C_FindObjects').mockImplementationOnce(fails('CKR_TOKEN_NOT_PRESENT', 0xe0));
    vi.spyOn(raw, 'C_FindObjectsFinal').mockImplementationOnce(fails('CKR_OPERATION_NOT_INITIALIZED', 0x91));
    expect(codeIn(() => findObjects(raw, session, []))).toBe('TOKEN_UNAVAILABLE');
    raw.C_CloseSession(session);
  });

  it('reports what C_FindObjects returned, for which pkcs11js has no number', () => {
    const { raw, slot } = context();
    const session = raw.C_OpenSession(slot, 4);
    vi.spyOn(raw, 'C_FindObjectsInit').mockImplementationOnce(() => undefined);
    expect(() => findObjects(raw, session, [])).toThrow(
      expect.objectContaining({ returnValue: { name: 'CKR_OPERATION_NOT_INITIALIZED', value: 0x91 } }),
    );
    raw.C_CloseSession(session);
  });

  it('goes on until nothing is found any more, however few come at once', () => {
    const { raw, slot, temporary } = context();
    for (const at of [1, 2, 3])
      importAesKey(temporary, { label: 'shared', value: new Uint8Array(32).fill(at) });
    const session = raw.C_OpenSession(slot, 4);
    raw.C_Login(session, 1, temporary.pin);
    const shared = [{ type: 0x3, value: 'shared' }];
    const search = raw.C_FindObjects.bind(raw);
    // @ts-expect-error with a count it answers with a list
    vi.spyOn(raw, 'C_FindObjects').mockImplementation((handle: Buffer) => search(handle, 1));
    expect(findObjects(raw, session, shared)).toHaveLength(2);
    expect(findObjects(raw, session, shared, Number.POSITIVE_INFINITY)).toHaveLength(3);
    raw.C_CloseSession(session);
  });

  it('that cannot be ended fails', () => {
    const { raw, slot } = context();
    const session = raw.C_OpenSession(slot, 4);
    vi.spyOn(raw, 'C_FindObjectsFinal').mockImplementationOnce(() => {
      throw Object.assign(new Error('CKR_DEVICE_ERROR'), { code: 0x30 });
    });
    expect(codeIn(() => findObjects(raw, session, []))).toBe('DEVICE_ERROR');
    raw.C_CloseSession(session);
  });
});
