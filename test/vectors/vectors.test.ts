import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { needVectors, vectorsDirectory } from './manifest.ts';
import { runManifest } from './run.ts';

/** How many tests each set has. */
const sets = {
  positive: 251,
  negative: 176,
  'commitment-kat': 46,
  'legacy-python-1.3.0': 300,
  special: 73,
  mutations: 41_805,
};

describe('message vectors', () => {
  beforeEach(needVectors);

  for (const [set, count] of Object.entries(sets)) {
    it(`of the set ${set} are taken as their manifest says`, { timeout: 300_000 }, async () => {
      const report = await runManifest(join(vectorsDirectory, 'esdk', set, 'manifest.json'));
      expect(report.failures).toEqual([]);
      expect({ passed: report.passed, skipped: [...report.skipped] }).toEqual({ passed: count, skipped: [] });
    });
  }
});
