import { execFile } from 'node:child_process';

/** All that a program prints until it ends, which it is made to after two minutes. */
export function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve(error === null ? stdout : `${stdout}${stderr}${error.message}`);
    });
  });
}

const TIMEOUT_MS = 120_000;
