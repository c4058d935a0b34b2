import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kmsProbes } from './kms.ts';
import { runProbes } from './run.ts';
import { type RunningTarget, startLocalKms } from './targets.ts';

describe('the local KMS, as AWS KMS', () => {
  let target: RunningTarget;
  beforeAll(async () => {
    target = await startLocalKms();
  });
  afterAll(() => target.stop());

  test.each(kmsProbes)('$title', async (probe) => {
    expect(await runProbes([probe], target, { timeoutMs: 20_000 })).toEqual([
      { title: probe.title, failure: undefined },
    ]);
  });

  test('is asked at least forty things, each once', () => {
    expect(new Set(kmsProbes.map(({ title }) => title)).size).toBe(kmsProbes.length);
    expect(kmsProbes.length).toBeGreaterThanOrEqual(40);
  });
});

describe('a probe', () => {
  test('fails with what was wrong', async () => {
    const failing = { title: 'fails', run: () => Promise.reject(new Error('wrong\nin detail')) };
    const endless = { title: 'never ends', run: () => new Promise<void>(() => undefined) };
    const unused = await startLocalKms();
    const results = await runProbes([failing, endless], unused, { timeoutMs: 10 });
    await unused.stop();
    expect(results.map(({ failure }) => failure)).toEqual(['wrong', 'no answer in time']);
  });
});
