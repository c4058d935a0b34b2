import { type ArnScope, accountArn } from '../arn.ts';
import type { Policy } from './document.ts';
import type { NamedCaller } from './principals.ts';

/** Who makes a request. */
export interface Caller extends NamedCaller {
  /** undefined for any caller but a user. */
  readonly userName: string | undefined;
  readonly tags: ReadonlyMap<string, string>;
  /** Identity policies; the root user has none and may do everything in its account. */
  readonly policies: readonly Policy[];
}

/** The root user of the account that owns the keys. */
export function rootCaller(scope: ArnScope): Caller {
  const arn = accountArn(scope);
  return {
    kind: 'root',
    arn,
    principalArn: arn,
    accountId: scope.accountId,
    userName: undefined,
    tags: new Map(),
    policies: [],
  };
}
