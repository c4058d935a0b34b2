import type { Kms } from './kms.ts';
import type { Caller } from './policy/caller.ts';
import type { RequestMembers } from './policy/request-members.ts';

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

/**
 * Decides on every access before it has an effect, and throws the exception to refuse it with. A request comes to the gate
 * once for each resource that it touches, after its input was parsed.
 */
export type Gate = (access: Access) => void;

/** The gate of a KMS that does not authorize: it refuses nothing. */
export const openGate: Gate = () => undefined;
