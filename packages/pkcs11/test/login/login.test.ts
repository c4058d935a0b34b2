import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { openModule } from '../../src/index.ts';
import { moduleMemory } from '../../src/library/module-memory.ts';
import { createLogins } from '../../src/login/login.ts';
import { pinGuard } from '../../src/login/pin-guard.ts';
import { sessionPool } from '../../src/sessions/session-pool.ts';
import { createSlotSessions } from '../../src/sessions/slot-sessions.ts';
import { tokenSessions } from '../../src/sessions/token-sessions.ts';
import { changePin, importAesKey } from '../../src/testing.ts';
import { codeIn } from '../fixtures/error-code.ts';
import { describeWithEachToken } from '../fixtures/with-token.ts';

describeWithEachToken('the login', (context) => {
  afterEach(() => {
    vi.restoreAllMocks();
    const { module, slot } = context();
    // A test may have set it.
    moduleMemory(module.memory).loginsAt(slot).allowsRepeatedLogin = false;
  });

  /** Threads with one session each, which share only the memory of the module. */
  function threadsOfOneSession() {
    const { cryptoki, slot, info, temporary } = context();
    const memory = moduleMemory();
    /** Returns a function that looks for a key in the thread, and returns the session used. */
    const thread = (pin = temporary.pin) => {
      const shared = moduleMemory(memory.buffer);
      const login = createLogins(cryptoki, shared).prepare({ slot, info }, pin);
      const sessions = tokenSessions(createSlotSessions(cryptoki, shared)(slot), login);
      const pool = sessionPool({ limit: 1, maxWaiting: 0, sessions, onDrained: () => undefined });
      onTestFinished(() => pool.close());
      return () =>
        pool.runNow((session) => {
          sessions.assertLogin(session);
          return session.handle;
        });
    };
    return { memory, thread };
  }

  /** Makes the token have a login for each session, which it reports or not. */
  function loginsOfSessions({ reportsLoginState }: { readonly reportsLoginState: boolean }) {
    const { raw, cryptoki } = context();
    const loggedIn = new Set<string>();
    vi.spyOn(cryptoki, 'C_GetSessionInfo').mockImplementation((session) => ({
      ...raw.C_GetSessionInfo(session),
      state: reportsLoginState && loggedIn.has(session.toString('hex')) ? 1 : 0,
    }));
    vi.spyOn(cryptoki, 'C_CloseSession').mockImplementation((session) => {
      loggedIn.delete(session.toString('hex'));
      raw.C_CloseSession(session);
    });
    const login = vi.spyOn(cryptoki, 'C_Login').mockImplementation((session, type, pin) => {
      if (login.mock.calls.length > 100) throw new Error('logs in without end');
      try {
        raw.C_Login(session, type, pin);
      } catch {
        // The process is logged in already.
      }
      loggedIn.add(session.toString('hex'));
    });
    return login;
  }

  it('is counted if a session with another token has the handle of an earlier session', () => {
    const { raw, cryptoki, slot, info, temporary } = context();
    const [session, other] = [raw.C_OpenSession(slot, 4), raw.C_OpenSession(slot, 4)];
    onTestFinished(() => {
      for (const handle of [session, other]) raw.C_CloseSession(handle);
    });
    const elsewhere = { slotID: Buffer.alloc(slot.length, 0xee), state: 1 };
    vi.spyOn(cryptoki, 'C_GetSessionInfo').mockImplementation((handle) => ({
      ...raw.C_GetSessionInfo(handle),
      ...(handle.equals(other) && elsewhere),
    }));
    const memory = moduleMemory();
    const login = createLogins(cryptoki, memory).prepare({ slot, info }, temporary.pin);
    expect(login.logIn(session, other)).toBe(1);
    expect(memory.loginsAt(slot).allowsRepeatedLogin).toBe(false);
  });

  it('fails with a wrong PIN, and leaves nothing open', () => {
    const { open } = context();
    expect(codeIn(() => open({ pin: 'wrong' }))).toBe('PIN_INCORRECT');
    open().close();
  });

  it('fails with a PIN that was refused before also where the process is logged in', () => {
    const { open, cryptoki } = context();
    expect(codeIn(() => open({ pin: 'wrong before' }))).toBe('PIN_INCORRECT');
    const token = open();
    const login = vi.spyOn(cryptoki, 'C_Login');
    expect(codeIn(() => open({ pin: 'wrong before' }))).toBe('PIN_INCORRECT');
    expect(login).not.toHaveBeenCalled();
    token.close();
  });

  it('with a PIN that one token refused is offered to another one', () => {
    const { raw, cryptoki, slot, info } = context();
    const session = raw.C_OpenSession(slot, 4);
    onTestFinished(() => raw.C_CloseSession(session));
    const logins = createLogins(cryptoki, moduleMemory());
    const login = logins.prepare({ slot, info }, 'wrong for one');
    expect(codeIn(() => login.logIn(session))).toBe('PIN_INCORRECT');
    expect(codeIn(() => logins.prepare({ slot, info }, 'wrong for one'))).toBe('PIN_INCORRECT');
    const another = { slot: Buffer.alloc(slot.length, 0xee), info };
    expect(logins.prepare(another, 'wrong for one').count).toBe(0);
  });

  it('of a process that is logged in counts whatever the PIN, which is for the next login', async () => {
    const { open, raw, slot, temporary } = context();
    const token = open();
    changePin(temporary, 'changed');
    const newcomer = open({ pin: 'changed' });
    expect(newcomer.aesKeys()).toBeDefined();
    raw.C_CloseAllSessions(slot);
    expect(newcomer.aesKeys()).toBeDefined();
    expect(await token.randomBytes(1)).toHaveLength(1);
    changePin({ ...temporary, pin: 'changed' }, temporary.pin);
    newcomer.close();
    token.close();
  });

  it('with the wrong PIN of another user harms only that user', () => {
    const { open, raw, slot } = context();
    const [token, mistaken] = [open(), open({ pin: 'wrong later' })];
    raw.C_CloseAllSessions(slot);
    expect(codeIn(() => mistaken.aesKeys())).toBe('PIN_INCORRECT');
    expect(token.aesKeys()).toBeDefined();
    mistaken.close();
    token.close();
  });

  it('takes a PIN that is no text for a mistake, and does not repeat it', () => {
    const { open } = context();
    // @ts-expect-error
    const opening = () => open({ pin: 87_654_321 });
    expect(opening).toThrow(TypeError);
    expect(opening).not.toThrow(/87/);
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

  it('is made again before a lookup when other code has logged the process out', () => {
    const { open, raw, slot, temporary } = context();
    importAesKey(temporary, { label: 'private', value: new Uint8Array(32) });
    const token = open();
    const session = raw.C_OpenSession(slot, 4);
    raw.C_Logout(session);
    raw.C_CloseSession(session);
    expect(token.aesKey({ label: 'private' }).label).toBe('private');
    token.close();
  });

  it('offers a refused PIN once, for all users of the token, and then takes the right one', () => {
    const { open, cryptoki } = context();
    const login = vi.spyOn(cryptoki, 'C_Login');
    for (let round = 0; round < 5; round += 1) {
      expect(codeIn(() => open({ pin: 'wrong once' }))).toBe('PIN_INCORRECT');
    }
    expect(login).toHaveBeenCalledTimes(1);
    open().close();
    expect(codeIn(() => open({ pin: 'wrong once' }))).toBe('PIN_INCORRECT');
    expect(login).toHaveBeenCalledTimes(2);
  });

  it('offers a PIN again for which the token had none to compare it with', () => {
    const { open, cryptoki } = context();
    const pinGuard = { turn: new SharedArrayBuffer(4), refusal: new SharedArrayBuffer(4) };
    vi.spyOn(cryptoki, 'C_Login').mockImplementationOnce(() => {
      throw Object.assign(new Error('CKR_USER_PIN_NOT_INITIALIZED'), { code: 0x102 });
    });
    expect(codeIn(() => open({ pinGuard }))).toBe('PIN_UNUSABLE');
    open({ pinGuard }).close();
  });

  it('counts when other code in the process made it at the same moment', async () => {
    const { open, raw, slot, temporary, cryptoki } = context();
    const session = raw.C_OpenSession(slot, 4);
    vi.spyOn(cryptoki, 'C_GetSessionInfo').mockImplementationOnce(() => {
      raw.C_Login(session, 1, temporary.pin);
      return { slotID: slot, state: 0, flags: 4, deviceError: 0 };
    });
    const token = open();
    expect(await token.randomBytes(1)).toHaveLength(1);
    raw.C_CloseSession(session);
    token.close();
  });

  it('offers no PIN that another thread was refused, nor while another one offers it', () => {
    const { open, cryptoki } = context();
    const login = vi.spyOn(cryptoki, 'C_Login');
    const guard = () => ({ turn: new SharedArrayBuffer(4), refusal: new SharedArrayBuffer(4) });
    const refused = guard();
    expect(codeIn(() => open({ pin: 'wrong here', pinGuard: refused }))).toBe('PIN_INCORRECT');
    expect(login).toHaveBeenCalledTimes(1);
    // Another thread has logins of its own, and does not remember the refusal.
    expect(codeIn(() => open({ pin: 'wrong there', pinGuard: refused }))).toBe('PIN_INCORRECT');
    expect(login).toHaveBeenCalledTimes(1);

    const shared = guard();
    const first = pinGuard(shared);
    expect(first.enter()).toBe(false);
    first.leave();
    open({ pinGuard: shared }).close();
    expect(login).toHaveBeenCalledTimes(2);
  });

  it('need not be reported by the token in the state of its sessions', async () => {
    const { open, raw, slot, cryptoki } = context();
    vi.spyOn(cryptoki, 'C_GetSessionInfo').mockImplementation((session) => ({
      ...raw.C_GetSessionInfo(session),
      state: 0,
    }));
    const token = open();
    token.generateAesKey({ label: 'of a silent token' });
    const seal = async () =>
      token
        .aesKey({ label: 'of a silent token' }, { fresh: true })
        .encrypt({ iv: new Uint8Array(12), aad: new Uint8Array(3), plaintext: new Uint8Array(40) });
    expect(await Promise.all([seal(), seal(), token.randomBytes(1), seal()])).toHaveLength(4);
    raw.C_CloseAllSessions(slot);
    expect(await Promise.all([token.randomBytes(1), token.randomBytes(1), seal()])).toHaveLength(3);
    const session = raw.C_OpenSession(slot, 4);
    raw.C_Logout(session);
    raw.C_CloseSession(session);
    expect(token.aesKeys().map(({ label }) => label)).toContain('of a silent token');
    await seal();
    token.close();
  });

  it.each(['refuses', 'takes'])(
    'makes nothing stale in other threads if a token does not report it, and %s another',
    (manner) => {
      const { raw, cryptoki } = context();
      vi.spyOn(cryptoki, 'C_GetSessionInfo').mockImplementation((session) => ({
        ...raw.C_GetSessionInfo(session),
        state: 0,
      }));
      vi.spyOn(cryptoki, 'C_Login').mockImplementation((session, type, pin) => {
        try {
          raw.C_Login(session, type, pin);
        } catch (error) {
          if (manner === 'refuses') throw error;
        }
      });
      const { memory, thread } = threadsOfOneSession();
      const threads = [thread(), thread(), thread()];
      for (const lookUp of threads) lookUp();
      const sessions = threads.map((lookUp) => lookUp());
      const { count } = memory.loginsAt(context().slot);
      thread()();
      expect(threads.map((lookUp) => lookUp())).toEqual(sessions);
      expect(memory.loginsAt(context().slot).count).toBe(count);
    },
  );

  it.each(['reports', 'does not report'])(
    'may be one for each session, with many calls under way, if the token %s it',
    async (manner) => {
      const { open, temporary } = context();
      importAesKey(temporary, { label: `many sessions, ${manner}`, value: new Uint8Array(32) });
      const login = loginsOfSessions({ reportsLoginState: manner === 'reports' });
      const token = open({ maxSessions: 4, calls: 'threadpool' });
      const key = token.aesKey({ label: `many sessions, ${manner}` });
      const message = { iv: new Uint8Array(12), aad: new Uint8Array(3), plaintext: new Uint8Array(40) };
      for (const count of [1, 2, 12]) {
        const calls = Array.from({ length: count }, async () => key.encrypt(message));
        expect(await Promise.all(calls)).toHaveLength(count);
      }
      if (manner === 'reports') {
        expect(login).toHaveBeenCalledTimes(4);
        expect(token.sessions()).toMatchObject({ open: 4, idle: 4 });
      }
      for (let lookup = 0; lookup < 3; lookup += 1) expect(token.aesKeys()).toBeDefined();
      token.close();
    },
  );

  it('is made once by each thread, where the token has one for each session', () => {
    const login = loginsOfSessions({ reportsLoginState: true });
    const { thread } = threadsOfOneSession();
    const threads = [thread(), thread(), thread(), thread()];
    // The first thread that logs in again, beside a session that is still logged in, learns it.
    for (const lookUp of [...threads, ...threads]) lookUp();
    const sessions = threads.map((lookUp) => lookUp());
    const { length } = login.mock.calls;
    // A new thread has another PIN, and does not make the others offer theirs again.
    thread('of later')();
    expect(threads.map((lookUp) => lookUp())).toEqual(sessions);
    expect(login.mock.calls.slice(length).map(([, , pin]) => pin)).toEqual(['of later']);
  });

  it('of another thread makes sessions stale that were opened before it', async () => {
    const { open, slot, module, cryptoki } = context();
    const token = open();
    const key = token.generateAesKey({ label: 'of two threads' });
    const [opening, search] = [vi.spyOn(cryptoki, 'C_OpenSession'), vi.spyOn(cryptoki, 'C_FindObjectsInit')];
    const message = { iv: new Uint8Array(12), aad: new Uint8Array(3), plaintext: new Uint8Array(40) };
    await key.encrypt(message);
    expect([opening.mock.calls.length, search.mock.calls.length]).toEqual([0, 0]);
    moduleMemory(module.memory).loginsAt(slot).add();
    await key.encrypt(message);
    expect([opening.mock.calls.length, search.mock.calls.length]).toEqual([1, 1]);
    token.close();
  });

  it('is counted for other threads before it is made', async () => {
    const { open, raw, slot, module, cryptoki } = context();
    const token = open();
    const logins = moduleMemory(module.memory).loginsAt(slot);
    const before = logins.count;
    raw.C_CloseAllSessions(slot);
    const counts: number[] = [];
    vi.spyOn(cryptoki, 'C_Login').mockImplementation((session, type, pin) => {
      counts.push(logins.count);
      raw.C_Login(session, type, pin);
    });
    expect(token.aesKeys()).toBeDefined();
    // The same for a user that opens the token only now, and has not seen it report a login.
    raw.C_CloseAllSessions(slot);
    const newcomer = open();
    expect([...counts, logins.count]).toEqual([before + 1, before + 2, before + 2]);
    newcomer.close();
    token.close();
  });

  it('never offers a refused PIN twice, until the module is opened anew', async () => {
    const { open, raw, slot, temporary, module } = context();
    const token = open();
    const session = raw.C_OpenSession(slot, 6);
    raw.C_SetPIN(session, temporary.pin, 'changed');
    raw.C_CloseAllSessions(slot);
    const failure = async () => token.aesKey({ label: 'private' });
    await expect(failure()).rejects.toMatchObject({ code: 'PIN_INCORRECT' });
    await expect(token.randomBytes(1)).rejects.toMatchObject({ code: 'PIN_INCORRECT' });

    const restored = raw.C_OpenSession(slot, 6);
    // NSS needs a login first.
    raw.C_Login(restored, 1, 'changed');
    raw.C_SetPIN(restored, 'changed', temporary.pin);
    raw.C_Logout(restored);
    raw.C_CloseSession(restored);
    await expect(token.randomBytes(1)).rejects.toMatchObject({ code: 'PIN_INCORRECT' });
    token.close();
    expect(codeIn(() => open())).toBe('PIN_INCORRECT');

    const { label, pin, modulePath: path, initializationParameters } = temporary;
    module.close();
    const reopened = openModule({ path, ...(initializationParameters && { initializationParameters }) });
    expect(await reopened.openToken({ label, pin }).randomBytes(1)).toHaveLength(1);
    reopened.close();
  });
});
