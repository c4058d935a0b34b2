#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { PRODUCT_VERSION } from '../version.ts';
import { addConformance } from './conformance.ts';
import { EXIT } from './exit.ts';
import { addKeys } from './keys.ts';
import { addServe } from './serve.ts';

const program = new Command('xks-proxy')
  .description('AWS KMS External Key Store proxy in front of a PKCS#11 token')
  .version(PRODUCT_VERSION)
  .exitOverride();
addServe(program);
addConformance(program);
addKeys(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
}
