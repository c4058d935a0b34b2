import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Chain, startChain } from './chain.ts';
import { expectContext, expectSameBytes } from './comparison.ts';
import { holdfast } from './envelope.ts';
import { hopsOf } from './hops.ts';
import { awsEncryptionSdk, exchange } from './interop.ts';
import { createReport } from './report.ts';
import { awsAccountSettings, localSettings } from './settings.ts';
import { sampleFile } from './workspace.ts';

const USAGE = [
  'npm start [FILE]            encrypt FILE (default: examples/orders.csv) through the whole chain, and open it again',
  'npm start -- --keep [FILE]  the same, and leave the servers up until Ctrl-C',
];
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

const report = createReport(process.stdout);

leaveOnSignals();
const choice = parseCommandLine();
if (choice !== undefined) {
  try {
    await demonstrate(choice.file, choice.keep);
  } catch (error) {
    report.failure(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    process.exitCode = EXIT_FAILURE;
  }
}

async function demonstrate(file: string, keep: boolean): Promise<void> {
  const plaintext = await readFile(file);
  report.heading('A key that never leaves its PKCS#11 token, and everything between it and an application');
  const chain = await startChain(report.step);
  try {
    const encryptionContext = { application: 'npm start', file: basename(file) };
    await roundTrip(chain, plaintext, encryptionContext);
    await interoperate(chain, plaintext, encryptionContext);
    report.heading(
      'The same proxy for a real AWS account: a public name, a public certificate, port 443, and then',
    );
    report.listing(awsAccountSettings);
    if (keep) await keepUp(chain);
  } finally {
    await chain.close();
  }
}

async function roundTrip(
  chain: Chain,
  plaintext: Uint8Array,
  encryptionContext: Readonly<Record<string, string>>,
): Promise<void> {
  const sdk = holdfast(chain);
  const messageFile = join(chain.directory, 'message');
  report.heading(`${encryptionContext['file']}, there and back`);
  await report.step(
    'encrypt',
    async () => {
      const message = await sdk.seal(plaintext, encryptionContext);
      await writeFile(messageFile, message);
      return message;
    },
    (message) => `${count(plaintext.length)} bytes to a message of ${count(message.length)}`,
  );
  await showLastCall(chain);
  await report.step(
    'decrypt',
    async () => {
      const opened = await sdk.open(await readFile(messageFile), encryptionContext);
      expectSameBytes('decrypt', opened.plaintext, plaintext);
      expectContext('decrypt', opened.encryptionContext, encryptionContext);
      return opened;
    },
    ({ suite }) => `the same bytes, the same context; ${suite.name}`,
  );
  await showLastCall(chain);
}

async function interoperate(
  chain: Chain,
  plaintext: Uint8Array,
  encryptionContext: Readonly<Record<string, string>>,
): Promise<void> {
  const ours = holdfast(chain);
  const theirs = awsEncryptionSdk(chain);
  report.heading('The AWS Encryption SDK for JavaScript (@aws-crypto/client-node) on the same KMS key');
  const directions = [
    { title: 'it reads us', sealer: ours, opener: theirs },
    { title: 'we read it', sealer: theirs, opener: ours },
  ];
  for (const { title, sealer, opener } of directions) {
    await report.step(
      title,
      () => exchange(title, sealer, opener, plaintext, encryptionContext),
      () => 'the same bytes, the same context',
    );
  }
}

async function showLastCall(chain: Chain): Promise<void> {
  const call = chain.calls.at(-1);
  if (call === undefined) throw new Error('the keyring did not call AWS KMS');
  report.hops(call.requestId, await hopsOf(chain, call));
}

async function keepUp(chain: Chain): Promise<void> {
  report.heading('Everything stays up until Ctrl-C');
  report.listing(localSettings(chain));
  for (const signal of SIGNALS) process.removeAllListeners(signal);
  await Promise.race(SIGNALS.map((signal) => once(process, signal)));
  leaveOnSignals();
}

/** Leaving through `exit` runs the handlers that stop every server and remove the folder. */
function leaveOnSignals(): void {
  for (const signal of SIGNALS) process.on(signal, () => process.exit(128 + constants.signals[signal]));
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
    if (!values.help) return { file: resolve(from, positionals[0] ?? sampleFile), keep: values.keep };
    report.listing(USAGE);
  } catch (error) {
    report.failure(error instanceof Error ? error.message : String(error));
    report.listing(USAGE);
    process.exitCode = EXIT_USAGE;
  }
  return undefined;
}

function count(bytes: number): string {
  return bytes.toLocaleString('en');
}
