import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { createSlotSessions } from '../src/slot-sessions.ts';
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
    return {
      raw,
      sessions: createSlotSessions(raw)(slot),
      restart: () => {
        stranger.finalizeModule();
        stranger.initializeModule();
      },
    };
  }

  it('are never two with one handle, also where the token restarts', () => {
    const { raw, sessions: ours, restart } = sessions();
    restart();
    const before = [ours.open(SERIAL), ours.open(SERIAL)];
    const { epoch } = ours;
    restart();
    const opening = vi.spyOn(raw, 'C_OpenSession');
    const after = ours.open(SERIAL);
    expect(opening.mock.results).toMatchObject([...before, after].map((value) => ({ value })));
    expect(before).not.toContainEqual(after);
    expect(ours.epoch).toBe(epoch + 1);
    // What was passed over goes with the session whose handle it has.
    for (const handle of before) {
      expect(raw.C_GetSessionInfo(handle).state).toBe(0);
      ours.close(handle);
      expect(() => raw.C_GetSessionInfo(handle)).toThrow('CKR_SESSION_HANDLE_INVALID');
    }
    expect(raw.C_GetSessionInfo(after).state).toBe(0);
    ours.close(after);
  });

  it('are shared by all who ask for the slot', () => {
    const { raw, slot } = context();
    const sessionsAt = createSlotSessions(raw);
    sessionsAt(slot).endEpoch();
    expect(sessionsAt(Buffer.from(slot)).epoch).toBe(1);
    expect(sessionsAt(Buffer.alloc(slot.length, 7)).epoch).toBe(0);
  });

  it('do not come from a module that has but one', () => {
    const { raw, sessions: ours } = sessions();
    const only = ours.open(SERIAL);
    vi.spyOn(raw, 'C_OpenSession').mockReturnValue(only);
    expect(errorCode(() => ours.open(SERIAL))).toBe('DEVICE_ERROR');
    ours.close(only);
  });
});
