import type { ArnScope } from '../arn.ts';
import { type Caller, rootCaller } from '../policy/caller.ts';
import type { ParsedAccessKey, ParsedPrincipals } from './principals-file.ts';

/** The principals of this KMS. */
export interface PrincipalDirectory {
  /** The secret of an access key, and the principal that it belongs to. */
  readonly accessKey: (id: string) => KnownAccessKey | undefined;
  /**
   * Finds a principal by the ARN of a user, role, session or account, or by the name of a user or role if no other has it, as
   * `NAME`, `user/NAME` or `role/NAME`; the last two with its path.
   */
  find(name: string): Caller | undefined;
  /** Users, then roles, account by account; no root users. */
  list(): readonly Caller[];
  /** The names of the listed principals, as `user/NAME` and `role/NAME`. */
  names(): readonly string[];
}

/** An access key with its holder. */
export interface KnownAccessKey {
  readonly secretAccessKey: string;
  /** The token of temporary credentials, which a request has to send along. */
  readonly sessionToken: string | undefined;
  readonly caller: Caller;
}

/** The principals of a file, and the root user of the account that owns the keys. */
export function principalDirectory({ accounts }: ParsedPrincipals, scope: ArnScope): PrincipalDirectory {
  const accessKeys = new Map<string, KnownAccessKey>();
  const byArn = new Map<string, Caller>();
  const listed: Caller[] = [];
  const named = (caller: Caller): Caller => {
    byArn.set(caller.arn, caller);
    return caller;
  };
  const hold = (keys: readonly ParsedAccessKey[], holderOf: (key: ParsedAccessKey) => Caller): void => {
    for (const key of keys) {
      if (accessKeys.has(key.accessKeyId)) {
        throw new RangeError(`principals: the access key ${key.accessKeyId} is there twice`);
      }
      const { secretAccessKey, sessionToken } = key;
      accessKeys.set(key.accessKeyId, { secretAccessKey, sessionToken, caller: holderOf(key) });
    }
  };

  named(rootCaller(scope));
  for (const [accountId, { root, users, roles }] of Object.entries(accounts)) {
    const rootUser = named(rootCaller({ ...scope, accountId }));
    hold(root.accessKeys, () => rootUser);
    for (const [name, { path, tags, policies, accessKeys }] of Object.entries(users)) {
      const arn = `arn:${scope.partition}:iam::${accountId}:user${path}${name}`;
      const user = named({ kind: 'user', arn, principalArn: arn, accountId, userName: name, tags, policies });
      listed.push(user);
      hold(accessKeys, () => user);
    }
    for (const [name, { path, tags, policies, accessKeys }] of Object.entries(roles)) {
      const principalArn = `arn:${scope.partition}:iam::${accountId}:role${path}${name}`;
      const session = (sessionName: string): Caller => ({
        kind: 'session',
        arn: `arn:${scope.partition}:sts::${accountId}:assumed-role/${name}/${sessionName}`,
        principalArn,
        accountId,
        userName: undefined,
        tags,
        policies,
      });
      const role = session('session');
      byArn.set(principalArn, role);
      listed.push(role);
      hold(accessKeys, (key) => named(session(key.sessionName)));
    }
  }

  return {
    accessKey: (id) => accessKeys.get(id),
    find(name) {
      const found = byArn.get(name);
      if (found) return found;
      const namesakes = listed.filter((caller) => [nameOf(caller), resourceOf(caller)].includes(name));
      return namesakes.length === 1 ? namesakes[0] : undefined;
    },
    list: () => listed,
    names: () => [...new Set(listed.map(resourceOf))],
  };
}

function nameOf({ principalArn }: Caller): string {
  return principalArn.slice(principalArn.lastIndexOf('/') + 1);
}

/** Without a colon, which no name has. */
function resourceOf({ principalArn }: Caller): string {
  return principalArn.slice(principalArn.lastIndexOf(':') + 1);
}
