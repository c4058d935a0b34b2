import { expect, it, vi } from 'vitest';
import { occupyThreads } from '../fixtures/occupy-threads.ts';
import { describeWithEachToken, describeWithToken } from '../fixtures/with-token.ts';

describeWithEachToken('a token whose sessions are disturbed', (context) => {
  const message = { iv: new Uint8Array(12), aad: new Uint8Array(3), plaintext: new Uint8Array(40) };

  it('goes on after other code has closed all its sessions', async () => {
    const { open, raw, slot } = context();
    const token = open();
    const key = token.generateAesKey({ label: 'closed-sessions' });
    raw.C_CloseAllSessions(slot);
    expect((await key.encrypt(message)).tag).toHaveLength(16);
    raw.C_CloseAllSessions(slot);
    expect(token.aesKey({ label: 'closed-sessions' }).label).toBe('closed-sessions');
    expect(await token.randomBytes(4)).toHaveLength(4);
    token.close();
  });

  it('opens a session again that another thread has closed before its handle was held', () => {
    const { open, raw, cryptoki } = context();
    const opening = vi.spyOn(cryptoki, 'C_OpenSession');
    // A call that meets a stale session is repeated once in any case: a second closed session shows that opening repeats by itself.
    for (let closed = 0; closed < 2; closed += 1) {
      opening.mockImplementationOnce((...at) => {
        const session = raw.C_OpenSession(...at);
        raw.C_CloseSession(session);
        return session;
      });
    }
    open().close();
    expect(opening).toHaveBeenCalledTimes(3);
    opening.mockRestore();
  });

  it('needs one session for any number of inline calls at once, and tells how long each took', async () => {
    const { open } = context();
    const token = open({ maxSessions: 1, maxWaiting: 0 });
    const key = token.generateAesKey({ label: 'at-once' });
    const took: number[] = [];
    const options = { onReturn: (ms: number) => void took.push(ms) };
    const startedAt = performance.now();
    const sealed = await Promise.all(Array.from({ length: 60 }, () => key.encrypt(message, options)));
    const opened = sealed.map((output) => key.decrypt({ ...message, ...output }, options));
    expect(await Promise.all(opened)).toEqual(opened.map(() => message.plaintext));
    const elapsedMs = performance.now() - startedAt;
    expect(took).toHaveLength(120);
    // No call counts the time of another one: together they take no longer than all took.
    expect(took.reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(elapsedMs);
    expect(Math.min(...took)).toBeGreaterThan(0);
    token.close();
  });

  it('goes on after other code has logged the process out', async () => {
    const { open, raw, slot } = context();
    const token = open();
    const key = token.generateAesKey({ label: 'logged-out' });
    const session = raw.C_OpenSession(slot, 4);
    raw.C_Logout(session);
    raw.C_CloseSession(session);
    expect((await key.encrypt(message)).tag).toHaveLength(16);
    token.close();
  });

  it('goes on when an operation was left active on its session', async () => {
    const { open, raw, cryptoki } = context();
    const opening = vi.spyOn(cryptoki, 'C_OpenSession');
    const token = open();
    const session: unknown = opening.mock.results[0]?.value;
    if (!Buffer.isBuffer(session)) throw new Error('expected a session');
    opening.mockRestore();
    const key = token.generateAesKey({ label: 'left-active' });
    raw.C_FindObjectsInit(session, [{ type: 3, value: 'left-active' }]);
    const [handle = Buffer.alloc(8)] = raw.C_FindObjects(session, 1);
    raw.C_FindObjectsFinal(session);
    raw.C_EncryptInit(session, { mechanism: 0x1087, parameter: gcmParameter }, handle);
    expect(token.sessions()).toMatchObject({ open: 1, idle: 1 });
    expect((await key.encrypt(message)).tag).toHaveLength(16);
    token.close();
  });
});

describeWithToken('a token that is slower than its callers', (context) => {
  const message = { iv: new Uint8Array(12), aad: new Uint8Array(3), plaintext: new Uint8Array(40) };

  it('is not given calls that were aborted while they waited', async () => {
    const token = context().open({ maxSessions: 1, maxWaiting: 8, calls: 'threadpool' });
    const key = token.generateAesKey({ label: 'slow' });
    const sealed = await key.encrypt(message);
    const release = occupyThreads();
    const underWay = key.encrypt(message);
    const signal = AbortSignal.timeout(20);
    const given = Array.from({ length: 4 }, () => [
      key.encrypt(message, { signal }),
      key.decrypt({ ...message, ...sealed }, { signal }),
    ]).flat();
    await expect(token.randomBytes(1, { signal })).rejects.toMatchObject({ code: 'SESSIONS_EXHAUSTED' });
    for (const call of await Promise.allSettled(given)) {
      expect(call).toMatchObject({ status: 'rejected', reason: { name: 'TimeoutError' } });
    }
    expect(token.sessions()).toMatchObject({ open: 1, idle: 0 });
    await expect(token.randomBytes(1, { signal })).rejects.toMatchObject({ name: 'TimeoutError' });
    await release();
    expect(await token.randomBytes(1)).toHaveLength(1);
    expect((await underWay).tag).toEqual(sealed.tag);
    token.close();
  });

  it('is opened with limits that make sense, and calls that there are', () => {
    const { open } = context();
    // @ts-expect-error JavaScript lets this through.
    expect(() => open({ calls: 'thread-pool' })).toThrow(TypeError);
    expect(() => open({ maxSessions: 0 })).toThrow(RangeError);
    expect(() => open({ maxWaiting: -1 })).toThrow(RangeError);
    expect(() => open({ maxWaiting: Number.NaN })).toThrow(RangeError);
  });
});

const gcmParameter = { type: 0x19, iv: Buffer.alloc(12), ivBits: 96, tagBits: 128 };
