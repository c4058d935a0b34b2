import type { RequestMetadata } from '../wire.ts';

/** The account of the principal; `undefined` for services and AWS itself, which call without an ARN. */
export function accountOf({ awsPrincipalArn }: RequestMetadata): string | undefined {
  return /^arn:[^:]+:[^:]+:[^:]*:(\d{12}):/.exec(awsPrincipalArn ?? '')?.[1];
}
