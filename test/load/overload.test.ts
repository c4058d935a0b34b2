import { findModule } from '@holdfast/pkcs11/testing';
import { closedLoop } from '@holdfast/testbed/load/loops';
import { requestPool, SMALL } from '@holdfast/testbed/load/requests';
import { loadSetting } from '@holdfast/testbed/load/setting';
import { processUsage } from '@holdfast/testbed/process-usage';
import { expect, onTestFinished, test } from 'vitest';
import { record } from './record.ts';
import { CONNECTIONS, IS_LONG, LOAD_MS } from './scale.ts';

test.skipIf(findModule() === undefined)(
  'a proxy that is asked five times what it can refuses the rest, and grows no further',
  { timeout: 120_000 },
  async () => {
    const setting = await loadSetting();
    onTestFinished(() => setting.dispose());
    const proxy = await setting.start();
    onTestFinished(async () => void (await proxy.stop()));
    const next = requestPool([setting.encryptPath()], SMALL, setting.caller);
    await closedLoop(proxy.endpoint, next, { connections: CONNECTIONS, durationMs: LOAD_MS });
    const peak = await closedLoop(proxy.endpoint, next, { connections: CONNECTIONS, durationMs: LOAD_MS });
    const rssBytes = processUsage(proxy.pid).rssBytes;
    // Who is refused asks again at once, so that the load is many times what can be served.
    const overload = await closedLoop(proxy.endpoint, next, {
      connections: OVERLOAD_CONNECTIONS,
      durationMs: LOAD_MS,
    });
    const grownBytes = processUsage(proxy.pid).rssBytes - rssBytes;
    record('overload', {
      peakGoodputPerSecond: Math.round(peak.goodput),
      goodputPerSecond: Math.round(overload.goodput),
      outcomes: Object.fromEntries(overload.outcomes),
      grownMiB: Math.round(grownBytes / 2 ** 20),
    });
    const unexpected = [...overload.outcomes.keys()].filter(
      (outcome) => ![200, 429, 503].includes(Number(outcome)),
    );
    expect(unexpected).toEqual([]);
    expect(grownBytes).toBeLessThan(MAX_GROWTH_BYTES);
    // Speed is judged where nothing else runs.
    if (IS_LONG) expect(overload.goodput / peak.goodput).toBeGreaterThanOrEqual(0.8);
  },
);

const OVERLOAD_CONNECTIONS = IS_LONG ? 1_000 : 64;
const MAX_GROWTH_BYTES = 256 * 2 ** 20;
