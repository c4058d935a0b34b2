import { type ArnScope, accountArn } from '../arn.ts';
import type { Policy } from './document.ts';

/** Who makes a request. */
export interface Caller {
  readonly kind: 'root' | 'user' | 'session';
  /** Of a role session that of the session. */
  readonly arn: string;
  /** What policies name: of a role session the role. */
  readonly principalArn: string;
  readonly accountId: string;
  /** Of a user only. */
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
