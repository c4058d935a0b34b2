import { Command, CommanderError } from 'commander';
import { PRODUCT_VERSION } from '../version.ts';
import { addAuditCommand } from './audit.ts';
import { addBackupCommands } from './backup.ts';
import { EXIT, report } from './exit.ts';
import { addExplainCommand } from './explain.ts';
import { addPolicyCommands } from './policy.ts';
import { addServeCommand } from './serve.ts';

/**
 * Runs one command line, in the form of `process.argv`. Reports errors on stderr and by `process.exitCode`.
 *
 * @param argv begins with the program and the script
 */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const program = new Command('local-kms')
    .description('The AWS KMS API on this machine, for development and tests.')
    .version(PRODUCT_VERSION)
    .exitOverride();
  addServeCommand(program);
  addPolicyCommands(program);
  addExplainCommand(program);
  addAuditCommand(program);
  addBackupCommands(program);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(error);
    // Commander has said what is wrong.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  }
}
