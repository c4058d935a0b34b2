import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { needVectors, vectorsDirectory } from './manifest.ts';
import { runManifest } from './run.ts';

const sets = {
  positive: { passed: 199, skipped: { 'raw-rsa': 52 } },
  negative: { passed: 176, skipped: {} },
  'commitment-kat': { passed: 46, skipped: {} },
  'legacy-python-1.3.0': { passed: 120, skipped: { 'raw-rsa': 180 } },
  special: { passed: 31, skipped: { 'raw-ecdh': 42 } },
  mutations: { passed: 41_805, skipped: {} },
};

describe('message vectors', () => {
  beforeEach(needVectors);

  for (const [set, expected] of Object.entries(sets)) {
    it(`of the set ${set} are taken as their manifest says`, { timeout: 300_000 }, async () => {
      const report = await runManifest(join(vectorsDirectory, 'esdk', set, 'manifest.json'));
      expect(report.failures).toEqual([]);
      expect({ passed: report.passed, skipped: Object.fromEntries(report.skipped) }).toEqual(expected);
    });
  }
});
