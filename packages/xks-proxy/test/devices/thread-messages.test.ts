import { Pkcs11Error } from '@holdfast/pkcs11';
import { expect, it } from 'vitest';
import { timedOut } from '../../src/deadline.ts';
import { tokenException } from '../../src/devices/failures.ts';
import { errorOf, failureOf } from '../../src/devices/threads/messages.ts';

it.each([
  ['that there was no time left', timedOut(), { errorName: 'DependencyTimeoutException' }],
  [
    'what a token returned',
    tokenException(new Pkcs11Error('KEY_NOT_FOUND', 'none')),
    { errorName: 'KeyNotFoundException', cause: { code: 'KEY_NOT_FOUND', message: 'none' } },
  ],
  [
    'what nobody foresaw',
    new TypeError('detail'),
    { errorName: 'InternalException', cause: { code: 'DEVICE_ERROR', message: 'TypeError' } },
  ],
])('a failure tells another thread %s', (_what, error, told) => {
  expect(tokenException(errorOf(structuredClone(failureOf(error))))).toMatchObject(told);
});
