#!/usr/bin/env node
import { errorCode } from '../store/error-code.ts';
import { runProgram } from './program.ts';

// A reader such as head has had enough. Of serve, that its log has no reader any more is a fault, which it tells itself.
if (process.argv[2] !== 'serve') {
  process.stdout.on('error', (error) => {
    if (errorCode(error) === 'EPIPE') process.exit();
    throw error;
  });
}

await runProgram(process.argv);
