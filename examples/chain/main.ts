import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { END_SIGNALS, leaveOnSignals } from '@holdfast/testbed/leave-on-signals';
import { type Chain, startChain } from './chain.ts';
import { demonstrate } from './demonstration.ts';
import { createReport } from './report.ts';
import { SAMPLE_FILE } from './sample-file.ts';
import { AWS_ACCOUNT_SETTINGS, localSettings } from './settings.ts';

const USAGE = [
  'npm start [FILE]            encrypt FILE (default: examples/orders.csv) through the whole chain, and open it again',
  'npm start -- --keep [FILE]  the same, and leave the servers up until Ctrl-C',
];
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

// The AWS SDK warns users of Node 20 about its own plans for next year, in the middle of our lines.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const report = createReport(process.stdout);
const stayOnSignals = leaveOnSignals();
const choice = parseCommandLine();
if (choice !== undefined) await run(choice);

async function run({ file, keep }: { file: string; keep: boolean }): Promise<void> {
  let chain: Chain | undefined;
  try {
    const plaintext = await readFile(file);
    report.heading('A key that never leaves its PKCS#11 token, and everything between it and an application');
    chain = await startChain({ step: report.step });
    await demonstrate(chain, report, { name: basename(file), plaintext });
    report.heading(
      'For a real AWS account: a proxy as README.md makes one, a public name and certificate, port 443, and then',
    );
    report.listing(AWS_ACCOUNT_SETTINGS);
    if (keep) await keepUp(chain);
  } catch (error) {
    report.failure(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    process.exitCode = EXIT_FAILURE;
  } finally {
    await chain?.close();
  }
}

/** Ctrl-C is then the normal end, and no failure. */
async function keepUp(chain: Chain): Promise<void> {
  report.heading('Everything stays up until Ctrl-C');
  report.listing(localSettings(chain));
  stayOnSignals();
  await Promise.race(END_SIGNALS.map((signal) => once(process, signal)));
  leaveOnSignals();
}

function parseCommandLine(): { file: string; keep: boolean } | undefined {
  try {
    const { values, positionals } = parseArgs({
      options: { keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    if (positionals.length > 1) throw new TypeError('one file at most');
    // npm runs scripts in the root of the repository; names are meant from where the user is.
    const from = process.env['INIT_CWD'] ?? '.';
    if (!values.help) return { file: resolve(from, positionals[0] ?? SAMPLE_FILE), keep: values.keep };
    report.listing(USAGE);
  } catch (error) {
    report.failure(error instanceof Error ? error.message : String(error));
    report.listing(USAGE);
    process.exitCode = EXIT_USAGE;
  }
  return undefined;
}
