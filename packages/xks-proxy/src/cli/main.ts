#!/usr/bin/env node
import { errorCode } from '../error-code.ts';
import { runProgram } from './program.ts';

// A reader such as head may close the pipe early; a command that changes something goes on to its end all the same. For
// serve a log without a reader is a fault, which it reports itself.
if (process.argv[2] !== 'serve') {
  process.stdout.on('error', (error) => {
    if (errorCode(error) !== 'EPIPE') throw error;
  });
}

await runProgram(process.argv);
