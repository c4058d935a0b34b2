#!/usr/bin/env node
import { errorCode } from '../store/error-code.ts';
import { runProgram } from './program.ts';

// A reader such as head has read enough. For serve, a log without a reader is a fault, which it reports itself.
if (process.argv[2] !== 'serve') {
  process.stdout.on('error', (error) => {
    if (errorCode(error) === 'EPIPE') process.exit();
    throw error;
  });
}

await runProgram(process.argv);
