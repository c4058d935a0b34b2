import { isStale, Pkcs11Error } from '../errors.ts';
import { CKF_SERIAL_SESSION, type Handle } from '../library/cryptoki.ts';
import type { Login } from '../login/login.ts';
import type { SlotSessions } from './slot-sessions.ts';

/**
 * A session in which the user is logged in.
 *
 * Session and key handles are valid for one epoch, and an epoch lasts no longer than a login: a restart of the token ends
 * its login. Handles are numbers that the token begins anew after a restart, so an old one may then stand for another key,
 * and the call would succeed. Therefore a key handle is used only on a session of the epoch in which it was found, and a
 * session only while its epoch lasts. An epoch ends
 *
 * - when any thread of the process has to log in, with any PIN; but not where a login is no sign of a restart, because the
 *   token has one for each session, or takes one beside another,
 * - when the module returns a session handle, for any token, that a thread of the process holds already,
 * - when the module returns a value that says so (`isStale`).
 */
export interface Session {
  readonly handle: Handle;
  readonly epoch: number;
}

/** Opens and closes sessions with one token, and knows which of them are current. */
export interface TokenSessions {
  /** Whether the epoch of the session lasts. Makes no call to the token. */
  isCurrent(session: Session): boolean;
  /** Ends the epoch of the session, unless it has ended already. */
  endEpoch(session: Session): void;
  /**
   * Opens a session, and logs in unless the user is logged in.
   *
   * @param flags in addition to CKF_SERIAL_SESSION
   * @throws Pkcs11Error PIN_INCORRECT, PIN_LOCKED, SESSIONS_EXHAUSTED and others
   */
  open(flags?: number): Session;
  close(session: Session): void;
  /**
   * Throws unless the login lasts: a session without a login sees no private keys, as if there were none. A token that does
   * not report its login state is asked by another login, which it refuses while there is one.
   *
   * @throws Pkcs11Error NOT_LOGGED_IN, which ends the epoch
   */
  assertLogin(session: Session): void;
}

/**
 * Returns the sessions with a token for one of its users.
 *
 * @param slot shared by all users of the token
 */
export function tokenSessions(slot: SlotSessions, login: Login): TokenSessions {
  let reportsLoginState = false;
  let hasJustLoggedIn = false;
  /** The open sessions, each with the epoch of the slot in which it was opened. */
  const opened = new Map<Session, number>();
  // Both only grow, so the sum changes whenever one of them does.
  const isCurrent = (session: Session): boolean =>
    session.epoch === slot.epoch + login.count ||
    (login.allowsRepeatedLogin && opened.get(session) === slot.epoch);
  const openOnce = (flags: number): Session => {
    // Read before the session is opened: if another thread logs in meanwhile, the session counts as stale.
    const { count } = login;
    const { handle, epoch } = slot.open(CKF_SERIAL_SESSION | flags);
    try {
      const loginCount = login.logIn(handle, slot.otherOpenSession(handle));
      reportsLoginState = login.isLoggedIn(handle);
      const session = { handle, epoch: epoch + (loginCount ?? count) };
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
        // A thread that held the same handle before a restart may have closed this session before the handle was held here.
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
      // The first failure renewed session and login. If the new session can log in yet again, the token accepts repeated
      // logins, and a login is no sign of a restart.
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
