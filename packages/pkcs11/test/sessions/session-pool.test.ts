import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Pkcs11Error, type Pkcs11ErrorCode, type ReturnValue } from '../../src/index.ts';
import { sessionPool } from '../../src/sessions/session-pool.ts';
import type { Session, TokenSessions } from '../../src/sessions/token-sessions.ts';
import { codeIn } from '../fixtures/error-code.ts';

const returned = (code: Pkcs11ErrorCode, returnValue: ReturnValue) =>
  new Pkcs11Error(code, 'returned', { returnValue });
const lost = () => returned('SESSION_LOST', { name: 'CKR_SESSION_CLOSED', value: 0xb0 });
const exhausted = () => returned('SESSIONS_EXHAUSTED', { name: 'CKR_SESSION_COUNT', value: 0xb1 });

/** Sessions without a token, whose epoch ends when the pool ends it. */
function fakeSessions(open: () => Buffer, close: () => void = () => undefined) {
  let epoch = 0;
  const sessions: TokenSessions = {
    isCurrent: (session) => session.epoch === epoch,
    endEpoch(session) {
      if (session.epoch === epoch) epoch += 1;
    },
    open: () => ({ handle: open(), epoch }),
    close,
    assertLogin: () => undefined,
  };
  return sessions;
}

function countingPool(limit: number, { maxWaiting = 100, sessionsOfToken = Number.POSITIVE_INFINITY } = {}) {
  const log = { opened: 0, closed: 0, drained: 0 };
  const open = () => {
    if (log.opened - log.closed >= sessionsOfToken) throw exhausted();
    return Buffer.of((log.opened += 1));
  };
  const sessions = fakeSessions(open, () => {
    log.closed += 1;
  });
  const drained = () => {
    log.drained += 1;
  };
  return { pool: sessionPool({ limit, maxWaiting, sessions, onDrained: drained }), sessions, log };
}

describe('a session pool', () => {
  it('opens no more sessions than its limit and serves those who wait in their order', async () => {
    const { pool, log } = countingPool(2);
    const served: number[] = [];
    const jobs = Array.from({ length: 8 }, async (_, index) =>
      pool.run(async () => {
        served.push(index);
        await new Promise(setImmediate);
      }),
    );
    expect(pool.counts()).toEqual({ open: 2, idle: 0, limit: 2 });
    await Promise.all(jobs);
    expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(log.opened).toBe(2);
    expect(pool.counts()).toEqual({ open: 2, idle: 2, limit: 2 });
  });

  it('has taken a session back from work without a promise before any other code runs', async () => {
    const { pool, log } = countingPool(1, { maxWaiting: 0 });
    const took: number[] = [];
    const onReturn = (ms: number) => void took.push(ms);
    const jobs = Array.from({ length: 3 }, (_, index) => pool.run(() => index, { onReturn }));
    expect(pool.counts()).toEqual({ open: 1, idle: 1, limit: 1 });
    expect(took).toHaveLength(3);
    expect(await Promise.all(jobs)).toEqual([0, 1, 2]);
    expect(log.opened).toBe(1);
  });

  it('closes a session that fails, and opens another for those who wait', async () => {
    const { pool, log } = countingPool(1);
    const failing = pool.run(async () => {
      throw new Error('unexpected');
    });
    const waiting = pool.run(({ handle }) => handle[0]);
    await expect(failing).rejects.toThrow('unexpected');
    expect(await waiting).toBe(2);
    expect(log).toMatchObject({ opened: 2, closed: 1 });
  });

  it.each([
    new RangeError('plaintext: too long'),
    new Pkcs11Error('KEY_NOT_FOUND', 'none'),
    new Pkcs11Error('DEVICE_ERROR', 'wrote 3 bytes instead of 4'),
    returned('DECRYPTION_FAILED', { name: 'CKR_GENERAL_ERROR', value: 0x05 }),
    returned('KEY_USAGE_FORBIDDEN', { name: 'CKR_KEY_FUNCTION_NOT_PERMITTED', value: 0x68 }),
  ])('keeps a session on which the token refuses what it is asked for: %o', async (error) => {
    const { pool, log } = countingPool(1);
    await expect(
      pool.run(() => {
        throw error;
      }),
    ).rejects.toBe(error);
    expect(log).toMatchObject({ opened: 1, closed: 0 });
    expect(pool.counts()).toMatchObject({ open: 1, idle: 1 });
  });

  it('makes a call once more that failed when its epoch had ended', async () => {
    const { pool, sessions } = countingPool(1);
    let calls = 0;
    const job = pool.run(async (session) => {
      if ((calls += 1) > 1) return 'opened';
      sessions.endEpoch(session);
      throw new Pkcs11Error('DECRYPTION_FAILED', 'no');
    });
    expect(await job).toBe('opened');
  });

  it('lends no session whose epoch ended while it was idle, or on its way', async () => {
    const { pool, sessions, log } = countingPool(1);
    let first: Session | undefined;
    const later = new Promise(setImmediate);
    void pool.run((session) => {
      first = session;
      return later;
    });
    const onItsWay = pool.run(({ epoch }) => epoch);
    // Between the return of the session and the turn of the call that it is given to.
    const ended = later.then(() => {
      if (first) sessions.endEpoch(first);
      return pool.counts();
    });
    expect(await ended).toMatchObject({ open: 1, idle: 0 });
    expect(await onItsWay).toBe(1);
    expect(log).toMatchObject({ opened: 2, closed: 1 });
    await pool.run((session) => sessions.endEpoch(session));
    expect(pool.runNow(({ epoch }) => epoch)).toBe(2);
  });

  it('opens a session before it closes a stale one, unless the token has no session left', async () => {
    for (const sessionsOfToken of [1, 2]) {
      const log: string[] = [];
      let open = 0;
      const sessions = fakeSessions(
        () => {
          if (open === sessionsOfToken) throw exhausted();
          open += 1;
          log.push('open');
          return Buffer.of(open);
        },
        () => {
          open -= 1;
          log.push('close');
        },
      );
      const pool = sessionPool({ limit: 1, maxWaiting: 1, sessions, onDrained: () => undefined });
      const first = await pool.run((session) => session);
      sessions.endEpoch(first);
      expect(await pool.run(({ epoch }) => epoch)).toBe(1);
      expect(log).toEqual(['open', ...(sessionsOfToken === 1 ? ['close', 'open'] : ['open', 'close'])]);
      expect(pool.counts()).toEqual({ open: 1, idle: 1, limit: 1 });
    }
  });

  it('renews all sessions and tries once more when the token has forgotten them', async () => {
    const { pool, log } = countingPool(4);
    await Promise.all(Array.from({ length: 4 }, async () => pool.run(async () => new Promise(setImmediate))));
    let attempts = 0;
    const epochs: number[] = [];
    const job = pool.run(({ epoch }) => {
      epochs.push(epoch);
      if ((attempts += 1) === 1) throw lost();
    });
    await job;
    expect(epochs).toEqual([0, 1]);
    expect(log).toMatchObject({ opened: 5, closed: 4 });
  });

  it('makes a call once more for which the token drops the session that is opened', async () => {
    let opened = 0;
    const open = () => {
      if ((opened += 1) === 1) throw lost();
      return Buffer.of(opened);
    };
    const sessions = fakeSessions(open);
    const pool = sessionPool({ limit: 1, maxWaiting: 1, sessions, onDrained: () => undefined });
    expect(await pool.run(({ handle }) => handle[0])).toBe(2);
    const onItsWay = pool.run(({ handle }) => handle[0]);
    pool.runNow((session) => sessions.endEpoch(session));
    opened = 0;
    expect(await onItsWay).toBe(2);
  });

  it('tries no third time', async () => {
    const { pool } = countingPool(1);
    let attempts = 0;
    const failing = pool.run(() => {
      attempts += 1;
      throw lost();
    });
    await expect(failing).rejects.toMatchObject({ code: 'SESSION_LOST' });
    expect(attempts).toBe(2);
  });

  it('starts one new epoch however many calls see the same loss', async () => {
    const { pool } = countingPool(8);
    const job = async () =>
      pool.run(async ({ epoch }) => {
        await new Promise(setImmediate);
        if (epoch === 0) throw lost();
        return epoch;
      });
    expect(await Promise.all([job(), job(), job(), job()])).toEqual([1, 1, 1, 1]);
  });

  it('gives work that cannot wait a session beyond the limit, and closes it afterwards', async () => {
    const { pool } = countingPool(1);
    const busy = pool.run(async () => new Promise(setImmediate));
    expect(pool.runNow(() => pool.counts().open)).toBe(2);
    expect(pool.counts().open).toBe(1);
    await busy;
  });

  it('gives work that wants a session of its own one beside those that are idle, and closes it afterwards', async () => {
    const { pool, log } = countingPool(2);
    await pool.run(() => undefined);
    const failure = new Pkcs11Error('KEY_EXISTS', 'taken');
    expect(pool.runOnNewSession(2, () => pool.counts())).toEqual({ open: 2, idle: 1, limit: 2 });
    for (const error of [failure, returned('DEVICE_ERROR', { name: 'CKR_DEVICE_ERROR', value: 0x30 })]) {
      const work = () => {
        throw error;
      };
      expect(codeIn(() => pool.runOnNewSession(2, work))).toBe(error.code);
      expect(pool.counts()).toEqual({ open: 1, idle: 1, limit: 2 });
    }
    expect(log).toMatchObject({ opened: 4, closed: 3 });
    pool.close();
    expect(codeIn(() => pool.runOnNewSession(2, () => 'never'))).toBe('CLOSED');
  });

  it('gives one idle session up for it where the token has no other, and no more than one', async () => {
    const { pool, log } = countingPool(2, { sessionsOfToken: 2 });
    await Promise.all([pool.run(async () => sleep(1)), pool.run(async () => sleep(1))]);
    expect(pool.runOnNewSession(2, () => pool.counts())).toEqual({ open: 2, idle: 1, limit: 2 });
    expect(pool.counts()).toEqual({ open: 1, idle: 1, limit: 2 });
    expect(log).toMatchObject({ opened: 3, closed: 2 });

    let isFull = false;
    const open = () => {
      if (isFull) throw exhausted();
      return Buffer.of(1);
    };
    const full = sessionPool({
      limit: 2,
      maxWaiting: 1,
      sessions: fakeSessions(open),
      onDrained: () => undefined,
    });
    await Promise.all([full.run(async () => sleep(1)), full.run(async () => sleep(1))]);
    isFull = true;
    expect(codeIn(() => full.runOnNewSession(2, () => 'never'))).toBe('SESSIONS_EXHAUSTED');
    expect(full.counts()).toEqual({ open: 1, idle: 1, limit: 2 });
  });

  it('does work on a session of its own once more for which the token has forgotten them', async () => {
    const { pool, log } = countingPool(2);
    await pool.run(() => undefined);
    const epochs: number[] = [];
    pool.runOnNewSession(2, ({ epoch }) => {
      if (epochs.push(epoch) === 1) throw lost();
    });
    expect(epochs).toEqual([0, 1]);
    expect(pool.counts()).toEqual({ open: 0, idle: 0, limit: 2 });
    expect(log).toMatchObject({ opened: 3, closed: 3 });
  });

  it('lets calls under way finish when it is closed, refuses the others and is drained once', async () => {
    const { pool, log } = countingPool(1);
    const busy = pool.run(async () => new Promise((resolve) => setImmediate(() => resolve('done'))));
    const waiting = pool.run(() => 'never');
    pool.close();
    pool.close();
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(pool.run(() => 'never')).rejects.toMatchObject({ code: 'CLOSED' });
    expect(codeIn(() => pool.runNow(() => 'never'))).toBe('CLOSED');
    expect(log.drained).toBe(0);
    expect(await busy).toBe('done');
    expect(log).toEqual({ opened: 1, closed: 1, drained: 1 });
  });

  it('drops the work whose signal is aborted while it waits, and serves the next one at once', async () => {
    const { pool } = countingPool(1);
    const ran: string[] = [];
    const job = (name: string) => async () => {
      ran.push(name);
      await sleep(50);
      return name;
    };
    const requests = Array.from({ length: 40 }, async (_, index) =>
      pool.run(job(`${index}`), { signal: AbortSignal.timeout(120) }),
    );
    const results = await Promise.allSettled(requests);
    expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(35);
    expect(results.at(-1)).toMatchObject({ reason: { name: 'TimeoutError' } });
    expect(await pool.run(job('fresh'))).toBe('fresh');
    expect(ran.length).toBeLessThan(6);
  });

  it('starts nothing and tries nothing again for a signal that is aborted', async () => {
    const { pool, log } = countingPool(1);
    const reason = new RangeError('given up');
    const work = () => 'never';
    await expect(pool.run(work, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(log.opened).toBe(0);
    const controller = new AbortController();
    let attempts = 0;
    const failing = pool.run(
      () => {
        attempts += 1;
        controller.abort(reason);
        throw lost();
      },
      { signal: controller.signal },
    );
    await expect(failing).rejects.toBe(reason);
    expect(attempts).toBe(1);
  });

  it('passes a session on that comes free in the moment of the abortion', async () => {
    const { pool } = countingPool(1);
    const controller = new AbortController();
    const reason = new RangeError('given up');
    const finish = (resolve: () => void) => {
      resolve();
      queueMicrotask(() => controller.abort(reason));
    };
    const first = pool.run(() => new Promise<void>((resolve) => void setImmediate(() => finish(resolve))));
    const late = pool.run(() => 'never', { signal: controller.signal });
    const last = pool.run(() => 'last');
    await expect(late).rejects.toBe(reason);
    await first;
    expect(await last).toBe('last');
    expect(pool.counts()).toEqual({ open: 1, idle: 1, limit: 1 });
  });

  it('lets no more wait than it may', async () => {
    const { pool } = countingPool(1, { maxWaiting: 2 });
    const controller = new AbortController();
    const busy = pool.run(async () => sleep(20));
    const waiting = pool.run(() => 'first');
    const leaving = pool.run(() => 'never', { signal: controller.signal });
    await expect(pool.run(() => 'never')).rejects.toMatchObject({ code: 'SESSIONS_EXHAUSTED' });
    controller.abort();
    await expect(leaving).rejects.toMatchObject({ name: 'AbortError' });
    const second = pool.run(() => 'second');
    expect(await Promise.all([busy, waiting, second])).toEqual([undefined, 'first', 'second']);
  });

  it('waits for a session of its own when the token has no other left', async () => {
    const { pool, log } = countingPool(4, { sessionsOfToken: 2 });
    const job = async () => pool.run(async () => sleep(5));
    await Promise.all([job(), job(), job(), job(), job()]);
    expect(log).toMatchObject({ opened: 2, closed: 0 });
    const failing = pool.run(async () => {
      await sleep(5);
      throw lost();
    });
    await Promise.all([expect(failing).rejects.toMatchObject({ code: 'SESSION_LOST' }), job(), job(), job()]);
    const none = countingPool(4, { sessionsOfToken: 0 });
    await expect(none.pool.run(() => 'never')).rejects.toMatchObject({ code: 'SESSIONS_EXHAUSTED' });
  });

  it('opens no session for each of the waiting calls when the token is gone', async () => {
    let [opened, isGone] = [0, false];
    const gone = () => returned('TOKEN_UNAVAILABLE', { name: 'CKR_TOKEN_NOT_PRESENT', value: 0xe0 });
    const open = () => {
      opened += 1;
      if (isGone) throw gone();
      return Buffer.of(opened);
    };
    const nothing = () => undefined;
    const sessions = fakeSessions(open);
    const pool = sessionPool({ limit: 2, maxWaiting: 20, sessions, onDrained: nothing });
    const ends: (() => void)[] = [];
    const lent = () => new Promise<never>((_, reject) => void ends.push(() => reject(gone())));
    const calls = Array.from({ length: 22 }, async (_, index) => pool.run(index < 2 ? lent : nothing));
    const failed = calls.map(async (call) =>
      expect(call).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' }),
    );
    await new Promise(setImmediate);
    isGone = true;
    for (const end of ends) end();
    await Promise.all(failed);
    expect(opened).toBe(4);
    isGone = false;
    expect(await pool.run(() => 'back')).toBe('back');
  });

  it('is drained at once when nothing is open or everything idle', async () => {
    const unused = countingPool(1);
    unused.pool.close();
    expect(unused.log.drained).toBe(1);
    const idle = countingPool(1);
    await idle.pool.run(() => undefined);
    idle.pool.close();
    expect(idle.log).toEqual({ opened: 1, closed: 1, drained: 1 });
  });
});
