import { afterEach, expect, it, vi } from 'vitest';
import { findObjects } from '../src/objects.ts';
import { errorCode } from './error-code.ts';
import { describeWithToken } from './with-token.ts';

describeWithToken('a search', (context) => {
  afterEach(() => void vi.restoreAllMocks());

  it('that fails tells why, and is ended', () => {
    const { raw, slot } = context();
    const session = raw.C_OpenSession(slot, 4);
    const fails = (name: string, value: number) => () => {
      throw Object.assign(new Error(name), { code: value });
    };
    vi.spyOn(raw, 'C_FindObjects').mockImplementationOnce(fails('CKR_TOKEN_NOT_PRESENT', 0xe0));
    expect(errorCode(() => findObjects(raw, session, []))).toBe('TOKEN_UNAVAILABLE');
    expect(findObjects(raw, session, [])).toEqual([]);

    vi.spyOn(raw, 'C_FindObjects').mockImplementationOnce(fails('CKR_TOKEN_NOT_PRESENT', 0xe0));
    vi.spyOn(raw, 'C_FindObjectsFinal').mockImplementationOnce(fails('CKR_OPERATION_NOT_INITIALIZED', 0x91));
    expect(errorCode(() => findObjects(raw, session, []))).toBe('TOKEN_UNAVAILABLE');
    raw.C_CloseSession(session);
  });

  it('that cannot be ended fails', () => {
    const { raw, slot } = context();
    const session = raw.C_OpenSession(slot, 4);
    vi.spyOn(raw, 'C_FindObjectsFinal').mockImplementationOnce(() => {
      throw Object.assign(new Error('CKR_DEVICE_ERROR'), { code: 0x30 });
    });
    expect(errorCode(() => findObjects(raw, session, []))).toBe('DEVICE_ERROR');
    raw.C_CloseSession(session);
  });
});
