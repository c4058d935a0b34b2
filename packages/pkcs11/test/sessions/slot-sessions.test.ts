import type { PKCS11 } from 'pkcs11js';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { moduleMemory } from '../../src/library/module-memory.ts';
import { findToken, initializeToken } from '../../src/library/slots.ts';
import { createSlotSessions } from '../../src/sessions/slot-sessions.ts';
import { outsider } from '../../src/testing.ts';
import { codeIn } from '../fixtures/error-code.ts';
import { closingThread } from '../fixtures/hold-session.ts';
import { describeWithToken } from '../fixtures/with-token.ts';

const SERIAL = 4;

/** Makes a module return the lowest free handle, and no more than `limit` sessions. */
function lowestFirst(raw: PKCS11, limit = 100) {
  const open = new Set<string>();
  const handles = Array.from({ length: limit }, (_, at) =>
    Buffer.from(BigUint64Array.of(BigInt(at + 1)).buffer),
  );
  const fail = (name: string, code: number): never => {
    throw Object.assign(new Error(name), { code });
  };
  vi.spyOn(raw, 'C_OpenSession').mockImplementation(() => {
    const handle = handles.find((free) => !open.has(free.toString('hex'))) ?? fail('CKR_SESSION_COUNT', 0xb1);
    open.add(handle.toString('hex'));
    return handle;
  });
  vi.spyOn(raw, 'C_CloseSession').mockImplementation((handle) => {
    if (!open.delete(handle.toString('hex'))) fail('CKR_SESSION_HANDLE_INVALID', 0xb3);
  });
  vi.spyOn(raw, 'C_GetSessionInfo').mockImplementation((handle) => {
    if (!open.has(handle.toString('hex'))) fail('CKR_SESSION_HANDLE_INVALID', 0xb3);
    return { slotID: Buffer.alloc(8), state: 0, flags: SERIAL, deviceError: 0 };
  });
  return { open, restart: () => open.clear() };
}

describeWithToken('the sessions at a slot', (context) => {
  afterEach(() => void vi.restoreAllMocks());

  function sessions() {
    const { raw, slot, temporary } = context();
    const stranger = outsider(temporary);
    onTestFinished(() => stranger.leave());
    const memory = moduleMemory();
    return {
      raw,
      memory: memory.buffer,
      sessions: createSlotSessions(raw, memory)(slot),
      /** Returns the sessions at a slot of another thread that shares the memory. */
      inOtherThread: (at = slot) => createSlotSessions(raw, moduleMemory(memory.buffer))(at),
      restart: () => {
        stranger.finalizeModule();
        stranger.initializeModule();
      },
    };
  }

  it('are never two with one handle, also where the token restarts', () => {
    const { raw, sessions: ours, restart } = sessions();
    restart();
    const before = [ours.open(SERIAL).handle, ours.open(SERIAL).handle];
    const { epoch } = ours;
    restart();
    const opening = vi.spyOn(raw, 'C_OpenSession');
    const { handle: after, epoch: epochAfter } = ours.open(SERIAL);
    expect(opening.mock.results).toMatchObject([...before, after].map((value) => ({ value })));
    expect(before).not.toContainEqual(after);
    expect([epochAfter, ours.epoch]).toEqual([epoch + 1, epoch + 1]);
    for (const handle of before) {
      expect(() => raw.C_GetSessionInfo(handle)).toThrow('CKR_SESSION_HANDLE_INVALID');
      ours.close(handle);
    }
    expect(raw.C_GetSessionInfo(after).state).toBe(0);
    ours.close(after);
  });

  it('are never two with one handle in two threads, nor does one close those of the other', () => {
    const { raw, sessions: ours, inOtherThread, restart } = sessions();
    const theirs = inOtherThread();
    restart();
    const before = ours.open(SERIAL);
    restart();
    const after = theirs.open(SERIAL);
    expect(after.handle).not.toEqual(before.handle);
    expect(before.epoch).not.toBe(ours.epoch);
    expect(after.epoch).toBe(theirs.epoch);
    ours.close(before.handle);
    expect(raw.C_GetSessionInfo(after.handle).state).toBe(0);
    theirs.close(after.handle);
  });

  it('make sessions with other tokens of the module stale, if one of those has the same handle', () => {
    const { raw, sessions: ours, inOtherThread, restart } = sessions();
    const { soPin, pin } = context().temporary;
    initializeToken(raw, { label: 'of another slot', soPin, pin });
    // SoftHSM gives the new token its own slot only after a restart.
    restart();
    const others = inOtherThread(findToken(raw, { label: 'of another slot' }).slot);
    const before = ours.open(SERIAL);
    restart();
    const after = others.open(SERIAL);
    expect(after.handle).not.toEqual(before.handle);
    expect(before.epoch).not.toBe(ours.epoch);
    ours.close(before.handle);
    others.close(after.handle);
  });

  it('belong to the epoch before a restart that another thread notices while they are opened', () => {
    const { raw, sessions: ours, inOtherThread, restart } = sessions();
    const theirs = inOtherThread();
    restart();
    const held = theirs.open(SERIAL);
    restart();
    const open = raw.C_OpenSession.bind(raw);
    let met: ReturnType<typeof theirs.open> | undefined;
    vi.spyOn(raw, 'C_OpenSession').mockImplementationOnce((...options) => {
      met = theirs.open(SERIAL);
      return open(...options);
    });
    const { handle, epoch } = ours.open(SERIAL);
    expect(epoch).not.toBe(ours.epoch);
    expect(met?.epoch).toBe(theirs.epoch);
    ours.close(handle);
    for (const session of [held, met]) if (session !== undefined) theirs.close(session.handle);
  });

  it('replace those of threads that hang, also where the token has no others left, and count one restart', () => {
    const { raw, sessions: ours, inOtherThread } = sessions();
    const module = lowestFirst(raw, 10);
    const hung = Array.from({ length: 8 }, () => inOtherThread().open(SERIAL));
    module.restart();
    const replacements = Array.from({ length: 8 }, () => inOtherThread());
    const opened = replacements.map((thread) => thread.open(SERIAL));
    expect(new Set(opened.map(({ handle }) => handle.toString('hex'))).size).toBe(8);
    expect(module.open.size).toBe(8);
    expect(new Set([...opened.map(({ epoch }) => epoch), ours.epoch])).toEqual(new Set([1]));
    expect(hung.map(({ epoch }) => epoch)).not.toContain(1);
    for (const [at, thread] of replacements.entries())
      thread.close(opened[at]?.handle ?? expect.unreachable());
    expect(module.open.size).toBe(0);
  });

  it('are not closed by a thread that closes a session from before a restart under the same handle', () => {
    const { raw, sessions: ours, inOtherThread } = sessions();
    const module = lowestFirst(raw);
    const before = ours.open(SERIAL);
    const theirs = inOtherThread();
    module.restart();
    const close = raw.C_CloseSession.bind(raw);
    let after: ReturnType<typeof theirs.open> | undefined;
    vi.spyOn(raw, 'C_CloseSession').mockImplementationOnce((session) => {
      after = theirs.open(SERIAL);
      close(session);
    });
    ours.close(before.handle);
    expect(module.open).toEqual(new Set([after?.handle.toString('hex')]));
  });

  it('are taken that a module gives again before their holder has let go of them, which is no restart', async () => {
    const { raw, sessions: ours, memory } = sessions();
    const module = lowestFirst(raw);
    const finish = await closingThread(memory);
    const open = raw.C_OpenSession.bind(raw);
    vi.spyOn(raw, 'C_OpenSession').mockImplementationOnce((...options) => {
      finish();
      return open(...options);
    });
    const { handle, epoch } = ours.open(SERIAL);
    expect(handle.readUInt8()).toBe(1);
    expect(epoch).toBe(0);
    expect(module.open.size).toBe(1);
    ours.close(handle);
  });

  it('are opened again if the earlier holder of their handle has closed them', async () => {
    const { raw, sessions: ours, memory } = sessions();
    const module = lowestFirst(raw);
    const finish = await closingThread(memory);
    const open = raw.C_OpenSession.bind(raw);
    vi.spyOn(raw, 'C_OpenSession').mockImplementationOnce((...options) => {
      const handle = open(...options);
      module.open.clear();
      finish();
      return handle;
    });
    const { handle, epoch } = ours.open(SERIAL);
    expect([epoch, module.open]).toEqual([0, new Set([handle.toString('hex')])]);
    ours.close(handle);
  });

  it('are shared by all users of the slot', () => {
    const { raw, slot } = context();
    const sessionsAt = createSlotSessions(raw, moduleMemory());
    sessionsAt(slot).endEpoch();
    expect(sessionsAt(Buffer.from(slot)).epoch).toBe(1);
    expect(sessionsAt(Buffer.alloc(slot.length, 7)).epoch).toBe(0);
  });

  it('do not come from a module that has but one', () => {
    const { raw, sessions: ours } = sessions();
    const only = ours.open(SERIAL).handle;
    vi.spyOn(raw, 'C_OpenSession').mockReturnValue(only);
    expect(codeIn(() => ours.open(SERIAL))).toBe('DEVICE_ERROR');
    ours.close(only);
  });
});
