import type { Reporter, TestModule } from 'vitest/node';

/**
 * Closes a run with why tests were skipped, and one plain line, `Tests: 812 passed, 0 failed, 3 skipped`, that any
 * script can read.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const reasons = new Map<string, number>();
    for (const module of modules) {
      // A file that could not be loaded has no tests of its own to count.
      if (module.errors().length > 0) counts.failed += 1;
      // What fails before or after the tests of a suite fails none of them.
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) counts.failed += 1;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state !== 'pending') counts[result.state] += 1;
        if (result.state !== 'skipped') continue;
        // That of a whole suite is in its name.
        const reason = result.note ?? (test.parent.type === 'suite' ? test.parent.name : test.name);
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
    for (const [reason, count] of reasons) process.stdout.write(`Skipped ${count}: ${reason}\n`);
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
    process.stdout.write(`Tests: ${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
  }
}
