import type { Kms } from '../kms.ts';
import type { Caller } from './caller.ts';
import type { RequestMembers } from './request-members.ts';

/** One thing that a request wants to do to one resource. */
export interface Access {
  /** The principal that makes the request. */
  readonly caller: Caller;
  /** `kms:` and the name of a permission: that of the operation; ReEncrypt has one for each of its keys. */
  readonly action: string;
  /** The ARN of a key or an alias, or `*` where the operation is on neither. */
  readonly resource: string;
  /**
   * The resource as the request names it, such as `resource: alias/orders`, where that is not by its ARN: a refusal tells a
   * principal of another account no more.
   */
  readonly named?: string | undefined;
  /** The KMS of the Region that the resource is in. */
  readonly kms: Kms;
  /** The members of the request that the operation runs with. */
  readonly members: RequestMembers;
  readonly sourceIp?: string | undefined;
  readonly userAgent?: string | undefined;
}
