import type { Kms } from './kms.ts';
import type { Caller } from './policy/caller.ts';
import type { RequestMembers } from './policy/request-members.ts';

/** What a request wants to do to what. */
export interface Access {
  /** Who asks. */
  readonly caller: Caller;
  /** `kms:` and the name of a permission: that of the operation, or of ReEncrypt one for each of its keys. */
  readonly action: string;
  /** The ARN of a key or an alias, or `*` where the operation is on neither. */
  readonly resource: string;
  /**
   * The resource in the words of the request, such as `resource: alias/orders`, where they are others: a principal of another
   * account is told no more of it.
   */
  readonly named?: string | undefined;
  /** The KMS of the Region that the resource is in. */
  readonly kms: Kms;
  /** What the operation runs with. */
  readonly members: RequestMembers;
  readonly sourceIp?: string | undefined;
  readonly userAgent?: string | undefined;
}

/**
 * Decides on every access before it has an effect, by throwing the exception to refuse it with. A request comes
 * to the gate once for each thing that it touches, after its input was parsed.
 */
export type Gate = (access: Access) => void;

/** The gate of a KMS that authorizes nobody. */
export const openGate: Gate = () => undefined;
