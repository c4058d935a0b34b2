import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { importAesKey, outsider } from '../src/testing.ts';
import { describeWithToken } from './fixtures/with-token.ts';

describeWithToken('a token in whose slot there is another since a restart', (context) => {
  afterEach(() => void vi.restoreAllMocks());

  it('is out: the other gets no PIN of it, and has no keys of it', async () => {
    const { open, module, raw, slot, temporary, cryptoki } = context();
    importAesKey(temporary, { label: 'orders', value: new Uint8Array(32).fill(1) });
    const token = open();
    const key = token.aesKey({ label: 'orders' });
    const input = { iv: new Uint8Array(12), aad: new Uint8Array(0), plaintext: Uint8Array.of(1) };
    await key.encrypt(input);

    const stranger = outsider(temporary);
    onTestFinished(() => stranger.leave());
    stranger.finalizeModule();
    stranger.initializeModule();
    const { pin, soPin } = temporary;
    raw.C_InitToken(slot, soPin, 'another'.padEnd(32));
    const session = raw.C_OpenSession(slot, 6);
    raw.C_Login(session, 0, soPin);
    raw.C_InitPIN(session, pin);
    raw.C_Logout(session);
    raw.C_CloseSession(session);

    const login = vi.spyOn(cryptoki, 'C_Login');
    await expect(key.encrypt(input)).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
    expect(login).not.toHaveBeenCalled();
    // Nor where another user of the process has logged in there.
    const other = module.openToken({ label: 'another', pin });
    other.generateAesKey({ label: 'orders' });
    await expect(key.encrypt(input)).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
    expect(await other.aesKey({ label: 'orders' }).encrypt(input)).toBeDefined();
    other.close();
    token.close();
  });
});
