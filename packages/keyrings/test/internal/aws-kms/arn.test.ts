import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  awsKmsKeyArnText,
  isAwsKmsIdentifier,
  isRelatedKey,
  multiRegionKeyId,
  parseAwsKmsArn,
  parseAwsKmsKeyArn,
} from '../../../src/internal/aws-kms/arn.ts';

describe('an AWS KMS ARN', () => {
  it('is read as the parts that it was put together from', () => {
    const part = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
    const arns = fc.record({
      partition: part,
      region: part,
      account: fc.stringMatching(/^[0-9]{12}$/),
      resource: fc.constantFrom('key', 'alias'),
      id: fc.stringMatching(/^[A-Za-z0-9/_-]{1,40}$/),
    });
    fc.assert(
      fc.property(arns, (arn) => {
        const { partition, region, account, resource, id } = arn;
        const text = `arn:${partition}:kms:${region}:${account}:${resource}/${id}`;
        expect(parseAwsKmsArn(text)).toEqual(arn);
        expect(isAwsKmsIdentifier(text)).toBe(true);
        const keyArn = parseAwsKmsKeyArn(text);
        expect(keyArn).toEqual(resource === 'key' ? arn : undefined);
        if (keyArn !== undefined) expect(awsKmsKeyArnText(keyArn)).toBe(text);
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
    'arn:aws:kms:eu-north-1:111122223333:key/1234:5678',
    'arn:aws:kms:eu-north-1:111122223333:alias/orders:',
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

describe('a multi-Region key', () => {
  const id = 'mrk-1234abcd12ab34cd56ef1234567890ab';
  const arn = `arn:aws:kms:eu-north-1:111122223333:key/${id}`;

  it('is told by the id that its ARN or key id has', () => {
    expect(multiRegionKeyId(arn)).toBe(id);
    expect(multiRegionKeyId(id)).toBe(id);
  });

  it.each([
    '1234abcd-12ab-34cd-56ef-1234567890ab',
    'arn:aws:kms:eu-north-1:111122223333:key/1234abcd-mrk-',
    `arn:aws:kms:eu-north-1:111122223333:alias/${id}`,
    `arn:aws:s3:eu-north-1:111122223333:key/${id}`,
    `alias/${id}`,
    `MRK-${id}`,
  ])('is not %s', (identifier) => {
    expect(multiRegionKeyId(identifier)).toBeUndefined();
  });

  it('opens what the key of the same ARN in any region wrapped', () => {
    for (const region of ['eu-north-1', 'us-west-2', 'cn-north-1']) {
      expect(isRelatedKey(arn, arn.replace('eu-north-1', region))).toBe(true);
      expect(isRelatedKey(arn.replace('eu-north-1', region), arn)).toBe(true);
    }
  });

  it('opens what was wrapped under the very same identifier, whatever that is', () => {
    for (const same of [arn, id, `alias/${id}`, 'anything']) expect(isRelatedKey(same, same)).toBe(true);
  });

  it.each([
    arn.replace('arn:aws:', 'arn:aws-cn:'),
    arn.replace('111122223333', '444455556666'),
    arn.replace('mrk-1', 'mrk-2'),
    arn.replace('mrk-', ''),
    arn.replace('key/', 'alias/'),
    arn.replace(':kms:', ':s3:'),
    `${arn}0`,
    arn.slice(0, -1),
    id,
    `alias/${id}`,
    '',
  ])('opens nothing of "%s", nor the reverse', (other) => {
    expect(isRelatedKey(arn, other)).toBe(false);
    expect(isRelatedKey(other, arn)).toBe(false);
  });

  it('is the only kind of key that has a related one', () => {
    const [single, alias] = [arn.replace('mrk-', ''), arn.replace('key/', 'alias/')];
    for (const keyArn of [single, alias]) {
      expect(isRelatedKey(keyArn, keyArn.replace('eu-north-1', 'us-west-2'))).toBe(false);
    }
  });
});
