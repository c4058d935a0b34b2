#!/usr/bin/env node
import { errorCode } from '../files/error-code.ts';
import { runProgram } from './program.ts';

// A reader such as head has had enough; a command that changes something goes on to its end all the same. Of serve, that its
// log has no reader any more is a fault, which it tells itself.
if (process.argv[2] !== 'serve') {
  process.stdout.on('error', (error) => {
    if (errorCode(error) !== 'EPIPE') throw error;
  });
}

await runProgram(process.argv);
