import { randomUUID } from 'node:crypto';

/** On whose behalf AWS KMS asks, and for which of its keys: what a policy of the proxy decides on. */
export interface Caller {
  readonly awsPrincipalArn: string;
  readonly kmsKeyArn: string;
}

/** `requestMetadata` as AWS KMS sends it for an operation, with as much of the caller as it tells there. */
export function requestMetadata(
  kmsOperation: string,
  caller: Partial<Caller> = {},
): Readonly<Record<string, string>> {
  return { ...caller, kmsOperation, kmsRequestId: randomUUID() };
}
