import { describe, expect, test } from 'vitest';
import { accountArn, arnScope, kmsArn, parseKmsArn } from '../src/arn.ts';

describe('a KMS ARN', () => {
  test.each([
    ['eu-north-1', 'aws'],
    ['cn-north-1', 'aws-cn'],
    ['us-gov-west-1', 'aws-us-gov'],
    ['eusc-de-east-1', 'aws-eusc'],
    ['us-iso-east-1', 'aws-iso'],
    ['us-isob-east-1', 'aws-iso-b'],
    ['eu-isoe-west-1', 'aws-iso-e'],
    ['us-isof-south-1', 'aws-iso-f'],
  ])('of the Region %s is in the partition %s', (region, partition) => {
    const scope = arnScope(region, '111122223333');
    expect(kmsArn(scope, 'key/1')).toBe(`arn:${partition}:kms:${region}:111122223333:key/1`);
    expect(accountArn(scope)).toBe(`arn:${partition}:iam::111122223333:root`);
  });

  test.each(['key/1234', 'alias/a/b:c'])('with the resource %s comes apart again', (resource) => {
    const scope = arnScope('eu-north-1', '111122223333');
    expect(parseKmsArn(kmsArn(scope, resource))).toEqual({ ...scope, resource });
  });

  test.each([
    'arn:aws:s3:eu-north-1:111122223333:key/1',
    'arn:aws:kms:eu-north-1:1111:key/1',
    'arn:aws:kms:eu-north-1:111122223333:key/',
    'arn:aws:kms:eu-north-1:111122223333:grant/1',
    'arn:azure:kms:eu-north-1:111122223333:key/1',
    'arn:aws:kms::111122223333:key/1',
  ])('is not %s', (text) => {
    expect(parseKmsArn(text)).toBeUndefined();
  });
});
