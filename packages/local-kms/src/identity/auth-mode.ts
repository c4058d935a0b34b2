import type { ArnScope } from '../arn.ts';
import type { Log } from '../log.ts';
import { enforcingGate, type Gate, loggingGate, openGate } from '../policy/gates.ts';
import {
  type Authentication,
  lenientAuthentication,
  noAuthentication,
  signatureAuthentication,
} from './authentication.ts';
import type { PrincipalDirectory } from './principal-directory.ts';

/** Whether signatures, policies and grants are ignored, logged or enforced. */
export type AuthMode = 'off' | 'log' | 'enforce';

/** What every request passes before it has an effect. */
interface Guard {
  readonly authenticate: Authentication;
  readonly gate: Gate;
}

/** What a guard is made of. */
interface GuardOptions {
  readonly directory: PrincipalDirectory;
  readonly scope: ArnScope;
  readonly grantDelayMs: number;
  readonly log: Log;
}

/** Returns the guard of a mode. Throws TypeError for any other mode. */
export function guard(mode: AuthMode, { directory, scope, grantDelayMs, log }: GuardOptions): Guard {
  const options = { grantDelayMs };
  const modes = {
    off: () => ({ authenticate: noAuthentication(scope), gate: openGate }),
    log: () => ({
      authenticate: lenientAuthentication(directory, scope, ({ code, message }) =>
        log({ event: 'refusal', why: `${code}: ${message}` }),
      ),
      gate: loggingGate(options, log),
    }),
    enforce: () => ({ authenticate: signatureAuthentication(directory), gate: enforcingGate(options) }),
  } as const satisfies Record<AuthMode, () => Guard>;
  if (!Object.hasOwn(modes, mode)) throw new TypeError('auth: expected off, log or enforce');
  return modes[mode]();
}
