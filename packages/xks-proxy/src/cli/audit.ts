import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { AUDIT_PROBLEMS, type ChainReport, verifyAudit } from '../audit/verify.ts';
import { EXIT } from './exit.ts';
import { jsonOption } from './options.ts';
import { print, printJson } from './print.ts';

/** `xks-proxy audit`: the records of what was asked of the proxy. */
export function addAudit(program: Command): void {
  const audit = program.command('audit').description('the audit trail');
  audit
    .command('verify')
    .description(
      'find changed, removed, added and moved records; exit status 0 if there are none, 1 otherwise',
    )
    .argument('<path...>', 'directories of trails, or files of one that follow each other')
    .option(
      '--head <hash>',
      'hash of a record that must be there, such as the last one in the log; once for each chain',
      hashes,
    )
    .option(
      '--last <hash>',
      'as --head, of the last record of a chain that is written no more: none may follow it',
      hashes,
    )
    .option(
      '--after <hash>',
      'hash before the first record of one chain, if its beginning is kept elsewhere',
      sha256,
    )
    .addOption(jsonOption())
    .action(verify);
}

interface VerifyArguments {
  readonly head?: readonly string[];
  readonly last?: readonly string[];
  readonly after?: string;
  readonly json?: true;
}

async function verify(paths: string[], { json, head: heads, last, after }: VerifyArguments): Promise<void> {
  let reports: ChainReport[];
  try {
    reports = await verifyAudit(paths, { heads, last, after });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof RangeError ? EXIT.usage : EXIT.failed;
    return;
  }
  if (json === true) printJson(reports);
  else for (const report of reports) printReport(report, nameIn(reports, report));
  const isWhole = reports.every(({ findings }) => findings.length === 0);
  if (isWhole && reports.length > 0) return;
  if (reports.length === 0) process.stderr.write('there is no audit trail here\n');
  process.exitCode = EXIT.failed;
}

/** The name of a chain, with its directory where several have that name. */
function nameIn(reports: readonly ChainReport[], { chain, directory }: ChainReport): string {
  return reports.filter((report) => report.chain === chain).length > 1 ? join(directory, chain) : chain;
}

function printReport(
  { numberTwice, files, records, head, known, findings }: ChainReport,
  chain: string,
): void {
  for (const { file, line, problem, head: given } of findings) {
    const which = given === undefined ? '' : ` (${given})`;
    print(`${file}:${line}: ${problem}: ${AUDIT_PROBLEMS[problem]}${which}`);
  }
  if (numberTwice !== undefined) {
    print(
      `${chain}: verified apart, since several directories have a file of this chain with number ${numberTwice}`,
    );
  }
  const outcome = findings.length === 0 ? 'whole' : `${findings.length} findings`;
  print(`${chain}: ${records} records in ${files} files, ${outcome}; the last one has hash ${head.hash}`);
  for (const { hash, followedBy } of known) print(`${chain}: ${followedBy} records follow ${hash}`);
}

function hashes(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), sha256(text)];
}

function sha256(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError('expected a SHA-256 in hex');
}
