import * as pkcs11js from 'pkcs11js';
import { describe, expect, it } from 'vitest';
import { callCryptoki, isStale, Pkcs11Error } from '../src/errors.ts';
import { RETURN_VALUES } from '../src/return-values.ts';

const returned = (name: string, value: number): Pkcs11Error => {
  const cause = new pkcs11js.Pkcs11Error(name, value, 'C_Encrypt');
  try {
    callCryptoki('C_Encrypt', () => {
      throw cause;
    });
  } catch (error) {
    if (error instanceof Pkcs11Error) return error;
  }
  throw new Error('no Pkcs11Error was thrown');
};

describe('the table of return values', () => {
  it('gives every number and every name once', () => {
    expect(new Set(RETURN_VALUES.map(({ value }) => value)).size).toBe(RETURN_VALUES.length);
    expect(new Set(RETURN_VALUES.map(({ name }) => name)).size).toBe(RETURN_VALUES.length);
  });

  it('agrees with the numbers of pkcs11js', () => {
    const theirs = new Map(Object.entries(pkcs11js));
    const shared = RETURN_VALUES.filter(({ name }) => theirs.has(name));
    expect(shared.map(({ name, value }) => [name, value])).toEqual(
      shared.map(({ name }) => [name, theirs.get(name)]),
    );
  });

  it.each(RETURN_VALUES)('turns $name into $code', ({ name, value, code, stale }) => {
    const error = returned(name, value);
    expect(error).toMatchObject({ name: 'Pkcs11Error', code, returnValue: { name, value } });
    expect(error.cause).toBeInstanceOf(pkcs11js.Pkcs11Error);
    expect(isStale(error)).toBe(stale);
  });
});

describe('an error that no function returned', () => {
  it('has no return value, not even an undefined one', () => {
    expect(Object.hasOwn(new Pkcs11Error('CLOSED', 'the module is closed'), 'returnValue')).toBe(false);
  });
});

describe('a failure outside the table', () => {
  it('is a DEVICE_ERROR with the number that the vendor chose', () => {
    expect(returned('CKR_VENDOR_DEFINED', 0x80000042)).toMatchObject({
      code: 'DEVICE_ERROR',
      returnValue: { name: 'CKR_VENDOR_DEFINED', value: 0x80000042 },
    });
  });

  it('is read from the text of an error if pkcs11js adds no code', () => {
    const fails = (text: string) => () => {
      throw new Error(text);
    };
    expect(() =>
      callCryptoki('C_FindObjects', fails('CKR_DEVICE_ERROR:48\n    at PKCS11.C_FindObjects')),
    ).toThrow(
      expect.objectContaining({
        name: 'Pkcs11Error',
        code: 'DEVICE_ERROR',
        returnValue: { name: 'CKR_DEVICE_ERROR', value: 0x30 },
      }),
    );
    for (const text of ['CKR_DEVICE_ERROR', 'not CKR_DEVICE_ERROR:48', '']) {
      expect(() => callCryptoki('C_FindObjects', fails(text))).toThrow(
        expect.not.objectContaining({ code: 'DEVICE_ERROR' }),
      );
    }
  });

  it('passes unchanged if it is none of PKCS#11', () => {
    const mistake = new TypeError('not a Buffer');
    const fail = () => {
      throw mistake;
    };
    expect(() => callCryptoki('C_Encrypt', fail)).toThrow(mistake);
    expect(isStale(mistake)).toBe(false);
  });
});
