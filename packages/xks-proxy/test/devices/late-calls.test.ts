import { once } from 'node:events';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { areLost, LATE_IN_LIBUV, lateCalls } from '../../src/devices/late-calls.ts';
import { startProxy } from '../../src/server.ts';
import { writeTestConfig } from '../fixtures/proxy.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** A number of calls that were given up now. */
function lateOnes(count: number) {
  const late = lateCalls();
  for (let made = 0; made < count; made += 1) late.add(new Promise(() => undefined));
  return late;
}

it('a call that was given up counts until it returns, or fails', async () => {
  const late = lateOnes(1);
  const [returns, fails] = [Promise.resolve(), Promise.reject(new Error('late'))];
  late.add(returns);
  late.add(fails);
  expect([late.count(), late.count(1)]).toEqual([3, 0]);
  vi.advanceTimersByTime(1);
  expect(late.count(1)).toBe(3);
  await Promise.allSettled([returns, fails]);
  expect(late.count()).toBe(1);
});

it('calls in all threads of libuv are lost after five seconds', () => {
  const late = lateOnes(4);
  vi.advanceTimersByTime(4999);
  expect(areLost(late, 8)).toBe(false);
  vi.advanceTimersByTime(1);
  expect(areLost(late, 8)).toBe(true);
});

it.each([1, 3])(
  'calls in all of %i sessions, while there are threads left, are lost after a minute',
  (sessions) => {
    const late = lateOnes(sessions);
    vi.advanceTimersByTime(59_999);
    expect(areLost(late, sessions)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(areLost(late, sessions)).toBe(true);
    expect(areLost(late, sessions + 1)).toBe(false);
  },
);

it('a proxy needs another process when libuv has no thread left, lost to several tokens, though one works', async () => {
  const files = await writeTestConfig();
  const proxy = await startProxy(loadConfig(files.configFile));
  const tokens = [lateCalls(LATE_IN_LIBUV), lateCalls(LATE_IN_LIBUV)];
  onTestFinished(async () => {
    await proxy.close();
    files.dispose();
  });
  const returns = new AbortController();
  const calls = Array.from({ length: 4 }, () => once(returns.signal, 'abort'));
  for (const [at, call] of calls.entries()) tokens[at % 2]?.add(call);
  expect(proxy.isStuck()).toBe(false);
  vi.advanceTimersByTime(5000);
  expect(proxy.isStuck()).toBe(true);
  returns.abort();
  await Promise.all(calls);
  expect(proxy.isStuck()).toBe(false);
});
