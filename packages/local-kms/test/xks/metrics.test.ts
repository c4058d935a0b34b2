import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createXksMetrics } from '../../src/xks/metrics.ts';

test('percentiles are of the last thousand calls, counts of all', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 250 }), { minLength: 1, maxLength: 2500 }),
      (durationsMs) => {
        const metrics = createXksMetrics();
        for (const durationMs of durationsMs) metrics.record({ operation: 'Encrypt', durationMs });
        const last = durationsMs.slice(-1000).sort((a, b) => a - b);
        const [entry] = metrics.read();
        expect(entry).toMatchObject({ operation: 'Encrypt', calls: durationsMs.length, failures: {} });
        for (const [percentileMs, share] of [
          [entry?.p50Ms ?? Number.NaN, 0.5],
          [entry?.p99Ms ?? Number.NaN, 0.99],
        ] as const) {
          expect(last).toContain(percentileMs);
          expect(last.filter((ms) => ms <= percentileMs).length / last.length).toBeGreaterThanOrEqual(share);
          expect(last.filter((ms) => ms < percentileMs).length / last.length).toBeLessThan(share);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('failures are counted by name, for each operation', () => {
  const metrics = createXksMetrics();
  metrics.record({ operation: 'Encrypt', durationMs: 1, failure: 'SocketTimeout' });
  metrics.record({ operation: 'Decrypt', durationMs: 2 });
  metrics.record({ operation: 'Encrypt', durationMs: 3, failure: 'SocketTimeout' });
  metrics.record({ operation: 'Encrypt', durationMs: 4, failure: 'ThrottlingException' });
  expect(metrics.read()).toEqual([
    {
      operation: 'Encrypt',
      calls: 3,
      failures: { SocketTimeout: 2, ThrottlingException: 1 },
      p50Ms: 3,
      p99Ms: 4,
    },
    { operation: 'Decrypt', calls: 1, failures: {}, p50Ms: 2, p99Ms: 2 },
  ]);
});
