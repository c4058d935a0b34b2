import type { ArnScope } from './arn.ts';
import type { Clock } from './clock.ts';
import type { Ids } from './ids.ts';
import type { Connections } from './key-stores/connections.ts';
import type { CustomKeyStores } from './key-stores/custom-key-stores.ts';
import type { Aliases } from './keys/aliases.ts';
import type { Grants } from './keys/grants.ts';
import type { ImportTokens } from './keys/import-tokens.ts';
import type { Keys } from './keys/keys.ts';
import type { LastUses } from './keys/last-uses.ts';
import type { Caller } from './policy/caller.ts';
import type { RequestMembers } from './policy/request-members.ts';
import type { XksCaller, XksClient } from './xks/client.ts';

/** What all Regions have in common. */
export interface Account {
  readonly clock: Clock;
  readonly ids: Ids;
  /** The KMS of a Region, which is empty the first time. Throws RangeError for a malformed Region. */
  region(name: string): Kms;
  /** The Regions that were asked for. */
  regions(): readonly Kms[];
  /** Carries out everything that is due: deletions, rotations, expiries, and health checks of proxies. */
  catchUp(): void;
}

/** Everything in one Region that operations work on. */
export interface Kms {
  readonly account: Account;
  readonly scope: ArnScope;
  readonly keys: Keys;
  readonly aliases: Aliases;
  readonly grants: Grants;
  readonly importTokens: ImportTokens;
  readonly lastUses: LastUses;
  readonly customKeyStores: CustomKeyStores;
  readonly connections: Connections;
  readonly xks: XksClient;
}

/** One request on its way through an operation. */
export interface Call extends Kms {
  readonly caller: Caller;
  /** Where the request comes from. */
  readonly sourceIp: string | undefined;
  readonly userAgent: string | undefined;
  /** What an XKS proxy is told about the request. */
  readonly xksCaller: XksCaller;
  /** Passes the gate, with the ARN of a key or alias, or `*`. Throws what the gate throws. */
  access(resource: string, how?: AccessDetails): void;
  /** Notes for the log which key the request is about, where that was not known at the gate. */
  concerns(keyArn: string): void;
}

/** What differs in an access from what the request says. */
interface AccessDetails {
  /** Default that of the operation. */
  readonly permission?: string | undefined;
  /** The resource as the request names it, as in an access. */
  readonly named?: string;
  /** The KMS of the Region that the resource is in. Default that of the request. */
  readonly kms?: Kms;
  /** What decides on the permission besides the members of the request. */
  readonly members?: RequestMembers;
}
