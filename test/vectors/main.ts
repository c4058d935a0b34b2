// npm run vectors -- MANIFEST... : runs test vectors, a manifest file or a folder that holds manifest.json each.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ManifestError } from './manifest.ts';
import { runManifest } from './run.ts';

const manifests = process.argv.slice(2);
if (manifests.length === 0) {
  process.stderr.write('usage: npm run vectors -- MANIFEST...\n');
  process.exit(2);
}

let passed = 0;
let failed = 0;
const skipped = new Map<string, number>();
for (const path of manifests) {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const report = await runManifest(isFolder ? join(path, 'manifest.json') : path).catch((error: unknown) => {
    if (!(error instanceof ManifestError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  });
  passed += report.passed;
  failed += report.failures.length;
  for (const failure of report.failures) process.stdout.write(`FAILED ${failure}\n`);
  for (const [type, count] of report.skipped) skipped.set(type, (skipped.get(type) ?? 0) + count);
}

let skippedTotal = 0;
for (const [type, count] of skipped) {
  process.stdout.write(`skipped: ${count} tests with a ${type} keyring, which is not known here\n`);
  skippedTotal += count;
}
process.stdout.write(`Vectors: ${passed} passed, ${failed} failed, ${skippedTotal} skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
