import { isStale, Pkcs11Error } from '../errors.ts';
import { CKF_SERIAL_SESSION, type Handle } from '../library/cryptoki.ts';
import type { Login } from '../login/login.ts';
import type { SlotSessions } from './slot-sessions.ts';

/**
 * A session in which the user is logged in.
 *
 * All that a token gives out, session and key handles, is good for one epoch, and an epoch lasts no longer than a login
 * does: who restarts a token ends its login. Handles are numbers that begin anew with the token, so an old one may stand
 * for another key by then, and the call succeeds. Therefore no key handle is used but on a session of the epoch in which
 * it was found, and no session but while its epoch lasts. An epoch ends
 *
 * - when somebody in the process has to log in, in whatever thread and with whatever PIN; but not where a login proves
 *   nothing, because the token has one for each session, or takes one beside another,
 * - when the module hands out a session handle, of whatever token, that somebody in the process holds already,
 * - when it returns a value that says so (`isStale`).
 */
export interface Session {
  readonly handle: Handle;
  readonly epoch: number;
}

/** Opens and closes sessions with one token, and knows which of them are good. */
export interface TokenSessions {
  /** Whether the epoch of the session lasts. Costs no call of the token. */
  isCurrent(session: Session): boolean;
  /** Ends the epoch of the session, unless it has ended before. */
  endEpoch(session: Session): void;
  /**
   * Opens a session and logs in unless the user is.
   *
   * @param flags beside CKF_SERIAL_SESSION
   * @throws Pkcs11Error PIN_INCORRECT, PIN_LOCKED, SESSIONS_EXHAUSTED and others
   */
  open(flags?: number): Session;
  close(session: Session): void;
  /**
   * Looks whether the login lasts: a session without one sees no private keys, and says of none that it is there. A token
   * that does not tell is asked by another login, which it refuses while there is one.
   *
   * @throws Pkcs11Error NOT_LOGGED_IN, which ends the epoch
   */
  assertLogin(session: Session): void;
}

/**
 * The sessions with a token that one of its users opens.
 *
 * @param slot shared by all its users
 */
export function tokenSessions(slot: SlotSessions, login: Login): TokenSessions {
  let reportsLoginState = false;
  let hasJustLoggedIn = false;
  /** With the epoch of the slot in which they were opened. */
  const opened = new Map<Session, number>();
  // Both only grow, so that the sum tells whether either has.
  const isCurrent = (session: Session): boolean =>
    session.epoch === slot.epoch + login.count ||
    (login.allowsRepeatedLogin && opened.get(session) === slot.epoch);
  const openOnce = (flags: number): Session => {
    // Of before: if another thread logs in meanwhile, the session counts as one that it has made void.
    const { count } = login;
    const { handle, epoch } = slot.open(CKF_SERIAL_SESSION | flags);
    try {
      const made = login.logIn(handle, slot.otherOpenSession(handle));
      reportsLoginState = login.isLoggedIn(handle);
      const session = { handle, epoch: epoch + (made ?? count) };
      opened.set(session, epoch);
      return session;
    } catch (error) {
      slot.close(handle);
      throw error;
    }
  };
  return {
    isCurrent,
    endEpoch(session) {
      if (isCurrent(session)) slot.endEpoch();
    },
    open(flags = 0) {
      try {
        return openOnce(flags);
      } catch (error) {
        if (!isStale(error)) throw error;
        // A thread that had its handle before a restart may have closed it before it was known to be ours.
        return openOnce(flags);
      }
    },
    close(session) {
      opened.delete(session);
      slot.close(session.handle);
    },
    assertLogin({ handle }) {
      if (
        reportsLoginState
          ? login.isLoggedIn(handle)
          : login.allowsRepeatedLogin || login.logIn(handle) === undefined
      ) {
        hasJustLoggedIn = false;
        return;
      }
      // The session of before was void with its login. Where this one is new and logs in again, a login proves nothing.
      if (!reportsLoginState && hasJustLoggedIn) {
        login.learnRepeatedLogin();
        return;
      }
      hasJustLoggedIn = !reportsLoginState;
      const returnValue = { name: 'CKR_USER_NOT_LOGGED_IN', value: 0x101 } as const;
      throw new Pkcs11Error('NOT_LOGGED_IN', 'the token has forgotten the login', { returnValue });
    },
  };
}
