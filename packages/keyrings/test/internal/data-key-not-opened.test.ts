import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { dataKeyNotOpened } from '../../src/internal/data-key-not-opened.ts';
import { KeyringError } from '../../src/internal/errors.ts';
import { refusal } from '../../src/internal/key-service.ts';

/** What a log shows of an error, by default. */
const logged = (error: unknown): string => inspect(error);

describe('a data key that did not open', () => {
  it('says why in a log, at whatever depth of keyrings it was tried', () => {
    const disabled = Object.assign(new Error('secret words'), { name: 'DisabledException' });
    let error = dataKeyNotOpened([refusal('AWS KMS', disabled)]);
    for (let depth = 0; depth < 3; depth++) error = dataKeyNotOpened([error]);
    expect(logged(new Error('outer', { cause: error }))).toContain('AWS KMS refused: DisabledException');
    expect(error.cause).toMatchObject({ errors: [{ code: 'KEY_SERVICE_REFUSED', cause: disabled }] });
  });

  it('says so where nothing was there to try', () => {
    const error = dataKeyNotOpened([dataKeyNotOpened([]), dataKeyNotOpened([])]);
    expect(logged(error)).toContain('none of the encrypted data keys');
    expect(error.cause).toMatchObject({ errors: [] });
  });

  it('tells codes, names, and the status and reason of an answer over HTTP', () => {
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    for (const [cause, told] of [
      [refused, 'ECONNREFUSED'],
      [new TypeError('a'), 'TypeError'],
      [{ status: 403, reason: 'permission denied' }, 'status 403 permission denied'],
      [{ status: 500 }, 'status 500'],
    ] as const) {
      expect(logged(dataKeyNotOpened([refusal('Vault transit', cause)]).cause)).toContain(`refused: ${told}`);
    }
  });

  it('tells no message that came from elsewhere, nor a name that may be one', () => {
    const strange = Object.assign(new Error('s3cret'), { name: 's3cret text', code: 's3cret text' });
    for (const error of [strange, refusal('AWS KMS', strange), 's3cret', { status: undefined }]) {
      const { cause } = dataKeyNotOpened([error]);
      expect(cause).toBeInstanceOf(AggregateError);
      expect(cause instanceof Error && cause.message).not.toContain('s3cret');
    }
  });

  it('tells each reason once, and of many only a few', () => {
    const named = (i: number) => Object.assign(new Error('no'), { name: `Exception${i}` });
    const { cause } = dataKeyNotOpened(Array.from({ length: 10_000 }, (_, i) => named(i % 100)));
    const { message, errors } = cause instanceof AggregateError ? cause : expect.unreachable();
    expect(message.length).toBeLessThan(200);
    expect(message.match(/Exception0/g)).toHaveLength(1);
    expect(errors).toHaveLength(10_000);
  });

  it('is an outage by one that stands within, but by nobody else’s aggregate', () => {
    const addresses = new AggregateError([new Error('IPv6'), new Error('IPv4')]);
    const outage = new KeyringError('KEY_SERVICE_UNAVAILABLE', 'out', {
      cause: addresses,
      keyService: 'AWS KMS',
    });
    const error = dataKeyNotOpened([dataKeyNotOpened([new Error('no')]), dataKeyNotOpened([outage])]);
    expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'AWS KMS' });
    expect(error.cause).toMatchObject({ errors: [{ message: 'no' }, outage] });
  });
});

describe('a keyring error', () => {
  it('has a key service only where one failed', () => {
    expect(Object.hasOwn(dataKeyNotOpened([]), 'keyService')).toBe(false);
    expect(refusal('AWS KMS', undefined)).toMatchObject({ keyService: 'AWS KMS' });
  });
});
