import { describe, expect, test } from 'vitest';
import { signedRegion } from '../../src/protocol/incoming-request.ts';

const header = (scope: string) =>
  `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`;

describe('the Region that a request is signed for', () => {
  test.each([
    [header('AKIDEXAMPLE/20261121/eu-north-1/kms/aws4_request'), 'eu-north-1'],
    [header('AKIDEXAMPLE/20261121/us-gov-west-1/kms/aws4_request'), 'us-gov-west-1'],
    ['AWS4-HMAC-SHA256 SignedHeaders=host,Credential=A/20261121/us-east-1/kms/aws4_request', 'us-east-1'],
    [undefined, undefined],
    ['', undefined],
    ['Bearer token', undefined],
    [header('AKIDEXAMPLE/20261121/eu-north-1/s3/aws4_request'), undefined],
    [header('AKIDEXAMPLE/20261121/Stockholm/kms/aws4_request'), undefined],
    [header('AKIDEXAMPLE/20261121/kms/aws4_request'), undefined],
    [header('AKIDEXAMPLE/today/eu-north-1/kms/aws4_request'), undefined],
    [header('AKIDEXAMPLE/20261121/eu-north-1/kms/aws4_requests'), undefined],
    [header(`AKIDEXAMPLE/20261121/eu-${'x'.repeat(32)}-1/kms/aws4_request`), undefined],
  ])('of %s is %s', (authorization, region) => {
    expect(signedRegion(authorization)).toBe(region);
  });
});
