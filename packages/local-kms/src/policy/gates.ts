import { KmsException } from '../kms-exception.ts';
import type { Log } from '../log.ts';
import type { Access } from './access.ts';
import { type AuthorizationOptions, authorize } from './authorization.ts';
import { inWords, refusalText } from './words.ts';

/**
 * Decides on every access before it has an effect, and throws the exception to refuse it with. A request comes to the gate
 * once for each resource that it touches, after its input was parsed.
 */
export type Gate = (access: Access) => void;

/** The gate of a KMS that does not authorize: it refuses nothing. */
export const openGate: Gate = () => undefined;

/** Refuses with AccessDeniedException what policies and grants do not allow. */
export function enforcingGate(options: AuthorizationOptions): Gate {
  return (access) => {
    const decision = authorize(access, options);
    if (decision.allowed) return;
    throw new KmsException('AccessDeniedException', refusalText(access, decision));
  };
}

/** Lets everything pass, and logs what would have been refused. */
export function loggingGate(options: AuthorizationOptions, log: Log): Gate {
  return (access) => {
    const why = reasonToRefuse(access, options);
    if (why === undefined) return;
    const { caller, action, resource } = access;
    log({ event: 'refusal', principal: caller.arn, action, resource, why });
  };
}

function reasonToRefuse(access: Access, options: AuthorizationOptions): string | undefined {
  try {
    const decision = authorize(access, options);
    return decision.allowed ? undefined : inWords(decision);
  } catch (error) {
    if (error instanceof KmsException) return `${error.code}: ${error.message}`;
    throw error;
  }
}
