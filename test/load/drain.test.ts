import { setTimeout as sleep } from 'node:timers/promises';
import { findModule } from '@holdfast/pkcs11/testing';
import { closedLoop, count } from '@holdfast/testbed/load/loops';
import { requestPool, SMALL } from '@holdfast/testbed/load/requests';
import { loadSetting } from '@holdfast/testbed/load/setting';
import { expect, onTestFinished, test } from 'vitest';
import { CONNECTIONS, LOAD_MS } from './scale.ts';

test.skipIf(findModule() === undefined)(
  'a proxy that is told to stop under load answers every request that reached it',
  async () => {
    const setting = await loadSetting();
    onTestFinished(() => setting.dispose());
    const proxy = await setting.start();
    onTestFinished(async () => void (await proxy.stop()));
    const next = requestPool([setting.encryptPath()], SMALL, setting.caller);
    const over = new AbortController();
    const load = closedLoop(proxy.endpoint, next, {
      connections: CONNECTIONS,
      durationMs: 2 * LOAD_MS,
      signal: over.signal,
    });
    await sleep(LOAD_MS);
    expect(await proxy.stop()).toBe(0);
    over.abort();
    const report = await load;
    expect(count(report, 200)).toBeGreaterThan(0);
    expect(count(report, 'lost')).toBe(0);
    // After it there is nobody to ask.
    expect([...report.outcomes.keys()].filter((outcome) => outcome !== 200 && outcome !== 'refused')).toEqual(
      [],
    );
  },
);
