import { createHmac, randomBytes } from 'node:crypto';
import { callCryptoki, Pkcs11Error } from '../errors.ts';
import { CKS_USER_FUNCTIONS, CKU_USER, type Cryptoki, type Handle } from '../library/cryptoki.ts';
import type { ModuleMemory } from '../library/module-memory.ts';
import { assertPin } from './pin.ts';
import { type PinGuard, pinGuard } from './pin-guard.ts';

/** Logs in at one token, for all sessions of the process share one login (PKCS #11 v2.40, 5.6). */
export interface Login {
  /** Grows with every login that somebody in the process makes at the token, whatever their PIN. */
  readonly count: number;
  /** Whether a login is no sign that there was none: then none is counted, whoever in the process makes it. */
  readonly allowsRepeatedLogin: boolean;
  /** Says that the token has taken a login beside another, and does not tell of either. */
  learnRepeatedLogin(): void;
  /**
   * Whether the token says that the user is logged in.
   *
   * @throws Pkcs11Error
   */
  isLoggedIn(session: Handle): boolean;
  /**
   * Logs in over this session unless the token knows the user already.
   *
   * @param other one of before: where that is logged in and this one not, the token has a login for each session
   * @returns the count with this login, or undefined if there was one, or this one proves nothing
   * @throws Pkcs11Error PIN_INCORRECT, PIN_LOCKED and others
   */
  logIn(session: Handle, other?: Handle): number | undefined;
}

/** The logins of a process at the tokens of one library. */
export interface Logins {
  /**
   * Prepares a login at the token in the slot. One that is there already counts, whatever PIN it was made with: the token
   * would look at no other. This one is for the next login of who prepares it.
   *
   * @param guard over the PIN, if other threads have it too
   * @throws TypeError; Pkcs11Error PIN_INCORRECT and others for a PIN that was refused before: as long as these logins
   * last it is never offered again, whoever has it, because a token locks itself after a few attempts
   */
  prepare(slot: Handle, pin: string, guard?: PinGuard): Login;
}

/** No logins yet. */
export function createLogins(cryptoki: Cryptoki, memory: ModuleMemory): Logins {
  const refusals = new Map<string, Pkcs11Error>();
  // A PIN is short: without a secret its digest could be tried out.
  const secret = randomBytes(32);
  const hasUserState = (session: Handle): boolean => {
    const { state } = callCryptoki('C_GetSessionInfo', () => cryptoki.C_GetSessionInfo(session));
    return CKS_USER_FUNCTIONS.includes(state);
  };
  /** Of a session of before: after a restart its handle may be that of a session with another token. */
  const isLoggedInAt = (session: Handle, slot: Handle): boolean => {
    try {
      const { slotID, state } = cryptoki.C_GetSessionInfo(session);
      return slot.equals(slotID) && CKS_USER_FUNCTIONS.includes(state);
    } catch {
      // The token has dropped it.
      return false;
    }
  };
  return {
    prepare(slot, pin, guard = pinGuard()) {
      assertPin('pin', pin);
      const digest = createHmac('sha256', secret).update(slot).update(pin).digest('hex');
      const assertNotRefused = (): void => {
        const refusal = refusals.get(digest);
        if (refusal !== undefined) throw refusal;
      };
      assertNotRefused();
      const logins = memory.loginsAt(slot);
      const isLoggedIn = (session: Handle): boolean => {
        const told = hasUserState(session);
        if (told && !logins.reportsLoginState) {
          logins.reportsLoginState = true;
          // That was learnt of one that did not tell.
          logins.allowsRepeatedLogin = false;
        }
        return told;
      };
      const logIn = (session: Handle, other?: Handle): number | undefined => {
        if (isLoggedIn(session)) return undefined;
        assertNotRefused();
        const hasWaited = guard.enter();
        try {
          if (hasWaited && isLoggedIn(session)) return undefined;
          // Before the login: afterwards, a handle of before may be that of a new session, which another thread has.
          if (other !== undefined && isLoggedInAt(other, slot)) {
            // Unless another thread has logged in meanwhile, or a login has come and gone.
            if (isLoggedIn(session)) return undefined;
            if (isLoggedInAt(other, slot)) {
              logins.reportsLoginState = true;
              logins.allowsRepeatedLogin = true;
            }
          }
          const count = () => (logins.allowsRepeatedLogin ? undefined : logins.add());
          // Also before, or threads would use what they have under a login that made it void. But where a token does not tell,
          // there may be a login already.
          const counted = logins.reportsLoginState ? count() : undefined;
          return offerPin(session) ? (counted ?? count()) : counted;
        } finally {
          guard.leave();
        }
      };
      /** False if there was one already. */
      const offerPin = (session: Handle): boolean => {
        try {
          callCryptoki('C_Login', () => cryptoki.C_Login(session, CKU_USER, pin));
          return true;
        } catch (error) {
          if (!(error instanceof Pkcs11Error)) throw error;
          // Another part of the process was faster, past this package; or the token never tells that the user is known.
          if (error.returnValue?.name === 'CKR_USER_ALREADY_LOGGED_IN') {
            logins.reportsLoginState = hasUserState(session);
            logins.allowsRepeatedLogin = false;
            return false;
          }
          // A token that has no PIN yet has compared none.
          if (error.code.startsWith('PIN_') && error.returnValue?.name !== 'CKR_USER_PIN_NOT_INITIALIZED') {
            guard.refuse();
            refusals.set(digest, error);
          }
          throw error;
        }
      };
      return {
        get count() {
          return logins.count;
        },
        get allowsRepeatedLogin() {
          return logins.allowsRepeatedLogin;
        },
        learnRepeatedLogin() {
          logins.reportsLoginState = false;
          logins.allowsRepeatedLogin = true;
        },
        isLoggedIn,
        logIn,
      };
    },
  };
}
