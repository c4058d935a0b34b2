import { randomUUID } from 'node:crypto';

/** `requestMetadata` as AWS KMS sends it for an operation. */
export function requestMetadata(
  kmsOperation: string,
  options: { readonly kmsKeyArn?: boolean } = {},
): Readonly<Record<string, string>> {
  return {
    awsPrincipalArn: 'arn:aws:iam::123456789012:user/Alice',
    kmsOperation,
    kmsRequestId: randomUUID(),
    ...(options.kmsKeyArn === true ? { kmsKeyArn: KEY_ARN } : {}),
  };
}

const KEY_ARN = 'arn:aws:kms:eu-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
