import { expect, test } from 'vitest';
import { runHere } from '../../../../tools/vitest/run-here.ts';
import { report } from '../../src/cli/exit.ts';
import { KmsException } from '../../src/kms-exception.ts';
import { LocalKmsError } from '../../src/local-kms-error.ts';

const systemError = Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write' });
const reported = (error: unknown) => runHere(async () => report(error));

test.each([
  [2, new RangeError('account: expected 12 digits')],
  [2, new KmsException('NotFoundException', 'There is no such key.')],
  [1, new LocalKmsError('STATE_MISSING', 'there is no state to back up')],
  [1, systemError],
] as const)('tells in one line, and by status %i, of %s', async (status, error) => {
  expect(await reported(error)).toEqual({ status, stdout: '', stderr: `${error.message}\n` });
});

test.each([new TypeError('key: expected another'), 'a text'])(
  'throws on what nobody foresaw: %s',
  async (error) => {
    await expect(reported(error)).rejects.toBe(error);
  },
);
