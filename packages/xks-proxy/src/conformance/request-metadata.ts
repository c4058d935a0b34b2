import { randomUUID } from 'node:crypto';

/** The caller of AWS KMS and the KMS key, on which a policy of the proxy decides. */
export interface Caller {
  readonly awsPrincipalArn: string;
  readonly kmsKeyArn: string;
}

/** `requestMetadata` as AWS KMS sends it for an operation, with the fields of the caller that it has there. */
export function requestMetadata(
  kmsOperation: string,
  caller: Partial<Caller> = {},
): Readonly<Record<string, string>> {
  return { ...caller, kmsOperation, kmsRequestId: randomUUID() };
}
