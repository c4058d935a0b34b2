import { Command, CommanderError } from 'commander';
import { PRODUCT_VERSION } from '../version.ts';
import { addAudit } from './audit.ts';
import { addConfig } from './config.ts';
import { addConformance } from './conformance.ts';
import { addConsoleConfig } from './console-config.ts';
import { addCredentials } from './credentials.ts';
import { addDoctor } from './doctor.ts';
import { EXIT } from './exit.ts';
import { addInit } from './init.ts';
import { addKeys } from './keys.ts';
import { addMigrate } from './migrate.ts';
import { addPolicy } from './policy.ts';
import { addServe } from './serve.ts';

/**
 * Runs one command line in the form of `process.argv`; errors go to stderr and set `process.exitCode`.
 *
 * @param argv with the program and the script in front
 */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const program = new Command('xks-proxy')
    .description('AWS KMS External Key Store proxy in front of a PKCS#11 token')
    .version(PRODUCT_VERSION)
    .exitOverride();
  addInit(program);
  addServe(program);
  addConformance(program);
  addKeys(program);
  addCredentials(program);
  addConfig(program);
  addConsoleConfig(program);
  addDoctor(program);
  addMigrate(program);
  addPolicy(program);
  addAudit(program);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  }
}
