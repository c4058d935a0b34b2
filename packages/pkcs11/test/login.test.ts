import { expect, it } from 'vitest';
import { importKey } from '../src/testing.ts';
import { errorCode } from './error-code.ts';
import { describeWithToken } from './with-token.ts';

describeWithToken('the login', (context) => {
  it('fails with a wrong PIN, and leaves nothing open', () => {
    const { open } = context();
    expect(errorCode(() => open({ pin: 'wrong' }))).toBe('PIN_INCORRECT');
    open().close();
  });

  it('fails with a wrong PIN also where the process is logged in already', () => {
    const { open } = context();
    const token = open();
    expect(errorCode(() => open({ pin: 'wrong' }))).toBe('PIN_INCORRECT');
    token.close();
  });

  it('is shared, and outlasts the token object that made it', async () => {
    const { open } = context();
    const [first, second] = [open(), open()];
    first.close();
    first.close();
    expect(await second.randomBytes(16)).toHaveLength(16);
    second.close();
  });

  it('says nothing about the PIN', () => {
    const { open } = context();
    const text = (error: unknown): string =>
      error instanceof Error ? `${error.message} ${error.stack} ${text(error.cause)}` : '';
    let message = '';
    try {
      open({ pin: 'secret-pin' });
    } catch (error) {
      message = text(error);
    }
    expect(message).toContain('CKR_PIN_INCORRECT');
    expect(message).not.toContain('secret-pin');
  });

  it('is made again before a lookup when somebody logged the process out', () => {
    const { open, raw, slot, temporary } = context();
    importKey(temporary, { label: 'private', value: new Uint8Array(32) });
    const token = open();
    const session = raw.C_OpenSession(slot, 4);
    raw.C_Logout(session);
    raw.C_CloseSession(session);
    expect(token.key({ label: 'private' }).label).toBe('private');
    token.close();
  });

  it('never offers a refused PIN twice', async () => {
    const { open, raw, slot, temporary } = context();
    const token = open();
    const session = raw.C_OpenSession(slot, 6);
    raw.C_SetPIN(session, temporary.pin, 'changed');
    raw.C_CloseAllSessions(slot);
    const failure = async () => token.key({ label: 'private' });
    await expect(failure()).rejects.toMatchObject({ code: 'PIN_INCORRECT' });
    await expect(token.randomBytes(1)).rejects.toMatchObject({ code: 'PIN_INCORRECT' });

    const restored = raw.C_OpenSession(slot, 6);
    raw.C_SetPIN(restored, 'changed', temporary.pin);
    raw.C_CloseSession(restored);
    await expect(token.randomBytes(1)).rejects.toMatchObject({ code: 'PIN_INCORRECT' });
    token.close();
    const reopened = open();
    expect(await reopened.randomBytes(1)).toHaveLength(1);
    reopened.close();
  });
});
