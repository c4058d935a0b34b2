import { Pkcs11Error } from '@holdfast/pkcs11';
import { describe, expect, it } from 'vitest';
import { isPinRefusal, tokenException } from '../../src/devices/failures.ts';
import { EXCEPTION_STATUS } from '../../src/xks-exception.ts';

describe('a failure of the token', () => {
  it.each([
    ['KEY_NOT_FOUND', 'KeyNotFoundException', 404],
    ['KEY_USAGE_FORBIDDEN', 'InvalidKeyUsageException', 400],
    ['DECRYPTION_FAILED', 'InvalidCiphertextException', 400],
    ['SESSIONS_EXHAUSTED', 'ThrottlingException', 429],
    ['KEY_UNSUITABLE', 'UnsupportedOperationException', 501],
    ['MECHANISM_UNSUPPORTED', 'UnsupportedOperationException', 501],
    ['DEVICE_ERROR', 'InternalException', 500],
    ['SESSION_LOST', 'InternalException', 500],
    ['TOKEN_UNAVAILABLE', 'InternalException', 500],
    ['KEY_AMBIGUOUS', 'InternalException', 500],
    ['PIN_LOCKED', 'InternalException', 500],
  ] as const)('%s is answered with %s', (code, errorName, status) => {
    const failure = new Pkcs11Error(code, 'C_Encrypt returned something with 0123456789abcdef in it');
    const exception = tokenException(failure);
    expect(exception.errorName).toBe(errorName);
    expect(EXCEPTION_STATUS[exception.errorName]).toBe(status);
    expect(exception.cause).toBe(failure);
    expect(exception.message).not.toContain('0123456789abcdef');
  });

  it('to log in is a refusal of the PIN if the token has compared it', () => {
    const failure = (name: 'CKR_PIN_EXPIRED' | 'CKR_USER_PIN_NOT_INITIALIZED') =>
      new Pkcs11Error('PIN_UNUSABLE', 'C_Login failed', { returnValue: { name, value: 0 } });
    expect(isPinRefusal(failure('CKR_PIN_EXPIRED'))).toBe(true);
    expect(isPinRefusal(failure('CKR_USER_PIN_NOT_INITIALIZED'))).toBe(false);
    expect(isPinRefusal(new Pkcs11Error('PIN_INCORRECT', 'refused before'))).toBe(true);
  });

  it('that nobody foresaw is an InternalException', () => {
    expect(tokenException(new TypeError('x')).errorName).toBe('InternalException');
  });
});
