import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Flights } from '../../src/cache/flights.ts';
import { rejection } from '../fixtures/memory-keyring.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const limits = { maxInFlight: 20, inFlightTtlMs: 10_000, retryAfterMs: 1_000 };

/**
 * Loads that end one after the other as told: with an answer, or a failure, after so many milliseconds. Of each it is known
 * whether it was wanted at its end.
 */
function loads(...outcomes: readonly { readonly afterMs: number; readonly answer: string | Error }[]) {
  const wanted: boolean[] = [];
  let begun = 0;
  const load = async (lost: AbortSignal): Promise<string> => {
    const { afterMs, answer } = outcomes[begun++] ?? expect.unreachable('one load too many');
    await pause(afterMs);
    wanted.push(!lost.aborted);
    if (typeof answer === 'string') return answer;
    throw answer;
  };
  return { load, wanted, begun: () => begun };
}

describe('a load under way', () => {
  it('is shared by all while it is young, and not waited for alone when it is not', async () => {
    const flights = new Flights<string>(limits);
    const { load, begun, wanted } = loads(
      { afterMs: 9_000, answer: 'late' },
      { afterMs: 100, answer: 'in time' },
    );
    const waiting = Array.from({ length: 100 }, () => flights.join('a', load));
    await vi.advanceTimersByTimeAsync(999);
    waiting.push(flights.join('a', load));
    expect(begun()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    for (let i = 0; i < 100; i++) waiting.push(flights.join('a', load));
    await vi.advanceTimersByTimeAsync(100);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['in time']));
    await vi.advanceTimersByTimeAsync(10_000);
    expect([begun(), ...wanted]).toEqual([2, true, false]);
  });

  it('that answers after all is taken, and the attempt beside it is lost', async () => {
    const flights = new Flights<string>(limits);
    const { load, wanted } = loads({ afterMs: 2_000, answer: 'first' }, { afterMs: 2_000, answer: 'second' });
    const first = flights.join('a', load);
    await vi.advanceTimersByTimeAsync(1_500);
    const second = flights.join('a', load);
    await vi.advanceTimersByTimeAsync(500);
    expect(await Promise.all([first, second])).toEqual(['first', 'first']);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(wanted).toEqual([true, false]);
  });

  it('fails with the last attempt, and not before', async () => {
    const flights = new Flights<string>(limits);
    const [down, gone] = [new Error('down'), new Error('gone')];
    for (const [answer, expected] of [['good', 'good'] as const, [gone, gone] as const]) {
      const { load } = loads({ afterMs: 2_000, answer: down }, { afterMs: 2_000, answer });
      const first = flights.join('a', load);
      await vi.advanceTimersByTimeAsync(1_500);
      const outcomes = [first, flights.join('a', load)].map((each) => each.catch((error: unknown) => error));
      await vi.advanceTimersByTimeAsync(2_000);
      expect(await Promise.all(outcomes)).toEqual([expected, expected]);
    }
    expect(await flights.join('a', async () => 'again')).toBe('again');
  });

  it('is tried no oftener than once in an interval, and is lost as a whole', async () => {
    const flights = new Flights<string>(limits);
    let begun = 0;
    const never = (): Promise<string> => {
      begun += 1;
      return new Promise(() => undefined);
    };
    const outcomes: Promise<unknown>[] = [];
    for (let i = 0; i < 50; i++) {
      outcomes.push(rejection(flights.join('a', never)));
      await vi.advanceTimersByTimeAsync(200);
    }
    expect(begun).toBe(10);
    for (const outcome of outcomes) expect(await outcome).toMatchObject({ code: 'KEYRING_FAILED' });
    expect(await flights.join('a', async () => 'again')).toBe('again');
  });

  it('is not tried again while as many others are under way as may be, or before its turn', async () => {
    const flights = new Flights<string>({ ...limits, maxInFlight: 1 });
    const first = loads({ afterMs: 5_000, answer: 'first' });
    const second = loads({ afterMs: 500, answer: 'second' });
    const waiting = [flights.join('a', first.load), flights.join('b', second.load)];
    await vi.advanceTimersByTimeAsync(2_000);
    waiting.push(flights.join('a', first.load), flights.join('b', second.load));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(await Promise.all(waiting)).toEqual(['first', 'second', 'first', 'second']);
  });

  it('has its whole time from its turn on, and no more', async () => {
    const flights = new Flights<string>({ ...limits, maxInFlight: 1 });
    const { load } = loads({ afterMs: 2_000, answer: 'first' }, { afterMs: 60_000, answer: 'too late' });
    const first = flights.join('a', load);
    let lost: unknown;
    const second = rejection(flights.join('b', load)).then((error) => void (lost = error));
    await vi.advanceTimersByTimeAsync(11_999);
    expect(await first).toBe('first');
    expect(lost).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await second;
    expect(lost).toMatchObject({ code: 'KEYRING_FAILED' });
  });

  it('is lost when all are cleared, but not what has yet to begin', async () => {
    const flights = new Flights<string>({ ...limits, maxInFlight: 1 });
    const first = loads({ afterMs: 2_000, answer: 'old' }, { afterMs: 2_000, answer: 'young' });
    const second = loads({ afterMs: 500, answer: 'second' });
    const [old, queued] = [flights.join('a', first.load), flights.join('b', second.load)];
    await vi.advanceTimersByTimeAsync(1_000);
    flights.clear();
    const young = flights.join('a', first.load);
    flights.clear();
    const again = flights.join('b', second.load);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await Promise.all([old, queued, young, again])).toEqual([
      undefined,
      'second',
      undefined,
      'second',
    ]);
    expect([...first.wanted, ...second.wanted]).toEqual([false, false, true]);
  });
});
