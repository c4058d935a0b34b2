import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAwsKmsIdentifier, parseAwsKmsArn } from '../../src/internal/aws-kms/arn.ts';

describe('an AWS KMS ARN', () => {
  it('is read as the parts that it was put together from', () => {
    const part = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
    const arns = fc.record({
      partition: part,
      region: part,
      account: fc.stringMatching(/^[0-9]{12}$/),
      resource: fc.constantFrom('key', 'alias'),
      id: fc.stringMatching(/^[A-Za-z0-9/_:-]{1,40}$/),
    });
    fc.assert(
      fc.property(arns, (arn) => {
        const { partition, region, account, resource, id } = arn;
        const text = `arn:${partition}:kms:${region}:${account}:${resource}/${id}`;
        expect(parseAwsKmsArn(text)).toEqual(arn);
        expect(isAwsKmsIdentifier(text)).toBe(true);
      }),
    );
  });

  it('keeps the slashes of an alias name', () => {
    expect(parseAwsKmsArn('arn:aws:kms:eu-north-1:111122223333:alias/team/orders')).toMatchObject({
      resource: 'alias',
      id: 'team/orders',
    });
  });

  const malformed = [
    '',
    'arn',
    'arn:aws:kms:eu-north-1:111122223333',
    'arn:aws:kms:eu-north-1:111122223333:',
    'arn:aws:kms:eu-north-1:111122223333:key',
    'arn:aws:kms:eu-north-1:111122223333:key/',
    'arn:aws:kms:eu-north-1:111122223333:key:1234',
    'arn:aws:kms:eu-north-1:111122223333:/1234',
    'arn:aws:kms:eu-north-1:111122223333:grant/1234',
    'arn:aws:kms:eu-north-1:111122223333:KEY/1234',
    'arn:aws:kms:eu-north-1::key/1234',
    'arn:aws:kms::111122223333:key/1234',
    'arn::kms:eu-north-1:111122223333:key/1234',
    'arn:aws:s3:eu-north-1:111122223333:key/1234',
    'aws:kms:eu-north-1:111122223333:key/1234',
    'ARN:aws:kms:eu-north-1:111122223333:key/1234',
    ' arn:aws:kms:eu-north-1:111122223333:key/1234',
  ];
  for (const text of malformed) {
    it(`is not "${text}"`, () => {
      expect(parseAwsKmsArn(text)).toBeUndefined();
      expect(isAwsKmsIdentifier(text)).toBe(text === 'arn');
    });
  }
});

describe('an AWS KMS key identifier', () => {
  for (const text of [
    'alias/orders',
    'alias/team/orders',
    'alias/aws/s3',
    '1234abcd-12ab-34cd-56ef-1234567890ab',
    'mrk-1234abcd12ab34cd56ef1234567890ab',
  ]) {
    it(`is ${text}`, () => {
      expect(isAwsKmsIdentifier(text)).toBe(true);
    });
  }

  for (const text of ['alias/', 'key/1234', 'two words', 'a:b']) {
    it(`is not "${text}"`, () => {
      expect(isAwsKmsIdentifier(text)).toBe(false);
    });
  }
});
