import type { RequestMetadata } from '../wire.ts';

/** The account of the principal; services and AWS itself call without an ARN, and have none. */
export function accountOf({ awsPrincipalArn }: RequestMetadata): string | undefined {
  return /^arn:[^:]+:[^:]+:[^:]*:(\d{12}):/.exec(awsPrincipalArn ?? '')?.[1];
}
