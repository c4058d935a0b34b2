import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { moduleMemory } from '../src/module-memory.ts';
import { createSlotSessions } from '../src/slot-sessions.ts';
import { findToken, initializeToken } from '../src/slots.ts';
import { outsider } from '../src/testing.ts';
import { errorCode } from './error-code.ts';
import { describeWithToken } from './with-token.ts';

const SERIAL = 4;

describeWithToken('the sessions at a slot', (context) => {
  afterEach(() => void vi.restoreAllMocks());

  function sessions() {
    const { raw, slot, temporary } = context();
    const stranger = outsider(temporary);
    onTestFinished(() => stranger.leave());
    const memory = moduleMemory();
    return {
      raw,
      sessions: createSlotSessions(raw, memory)(slot),
      /** Those at a slot, as another thread has them that shares the memory. */
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
    // What was passed over goes with the session whose handle it has.
    for (const handle of before) {
      expect(raw.C_GetSessionInfo(handle).state).toBe(0);
      ours.close(handle);
      expect(() => raw.C_GetSessionInfo(handle)).toThrow('CKR_SESSION_HANDLE_INVALID');
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

  it('make void those with other tokens of the module, where one of them has the same handle', () => {
    const { raw, sessions: ours, inOtherThread, restart } = sessions();
    const { soPin, pin } = context().temporary;
    initializeToken(raw, { label: 'of another slot', soPin, pin });
    // Which it has from then on.
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

  it('belong to before a restart that another thread meets while they are opened', () => {
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

  it('are shared by all who ask for the slot', () => {
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
    expect(errorCode(() => ours.open(SERIAL))).toBe('DEVICE_ERROR');
    ours.close(only);
  });
});
