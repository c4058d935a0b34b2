import { callCryptoki, Pkcs11Error } from '../errors.ts';
import { CKS_USER_FUNCTIONS, CKU_USER, type Cryptoki, type Handle } from '../library/cryptoki.ts';
import type { ModuleMemory, SlotLogins } from '../library/module-memory.ts';
import { assertTokenInSlot, type OccupiedSlot, type TokenInfo } from '../library/slots.ts';
import { assertPin } from './pin.ts';
import { type PinGuard, pinGuard } from './pin-guard.ts';
import { type PinRefusal, refusedPins } from './refused-pins.ts';

/** The login at one token, which all sessions of the process share (PKCS #11 v2.40, 5.6). */
export interface Login {
  /** Grows with every login of the process at the token that is counted, in any thread and with any PIN. */
  readonly count: number;
  /** Whether the token takes a login while there is one. Then a login is no sign of a restart, and none is counted. */
  readonly allowsRepeatedLogin: boolean;
  /** Records that the token has taken one login beside another, and reports neither. */
  learnRepeatedLogin(): void;
  /**
   * Whether the token reports that the user is logged in.
   *
   * @throws Pkcs11Error
   */
  isLoggedIn(session: Handle): boolean;
  /**
   * Logs in over this session, unless the token reports that the user is logged in. Either way the token is compared with the
   * one that was found in the slot: another one must not get the PIN, nor have its keys taken for those of this one.
   *
   * @param other an earlier session: if it is logged in and this one is not, the token has a login for each session
   * @returns the count with this login, or undefined if none was counted: the user was logged in already, or the token
   * allows repeated logins
   * @throws Pkcs11Error PIN_INCORRECT, PIN_LOCKED, TOKEN_UNAVAILABLE and others
   */
  logIn(session: Handle, other?: Handle): number | undefined;
}

/** The logins of a process at the tokens of one library. */
export interface Logins {
  /**
   * Prepares a login at a token in its slot. A login that is there already counts, with whatever PIN it was made: the
   * token would not look at another. The PIN given here is for the next login that its caller makes.
   *
   * @param guard over the PIN, if other threads offer it too
   * @throws TypeError; Pkcs11Error PIN_INCORRECT and others for a PIN that was refused before: while these logins exist it
   * is never offered again, by any caller, because a token locks itself after a few attempts
   */
  prepare(token: Pick<OccupiedSlot, 'slot' | 'info'>, pin: string, guard?: PinGuard): Login;
}

/** Returns the logins of a library at which none was made yet. */
export function createLogins(cryptoki: Cryptoki, memory: ModuleMemory): Logins {
  const refusalOf = refusedPins();
  return {
    prepare({ slot, info }, pin, guard = pinGuard()) {
      assertPin('pin', pin);
      const refusal = refusalOf(slot, pin);
      refusal.check();
      return new TokenLogin({ cryptoki, slot, info, pin, guard, refusal, logins: memory.loginsAt(slot) });
    },
  };
}

/** How to log in at one token. */
interface TokenLoginOptions {
  readonly cryptoki: Cryptoki;
  readonly slot: Handle;
  readonly info: TokenInfo;
  readonly pin: string;
  readonly guard: PinGuard;
  readonly refusal: PinRefusal;
  readonly logins: SlotLogins;
}

class TokenLogin implements Login {
  readonly #options: TokenLoginOptions;
  readonly #logins: SlotLogins;

  constructor(options: TokenLoginOptions) {
    this.#options = options;
    this.#logins = options.logins;
  }

  get count(): number {
    return this.#logins.count;
  }

  get allowsRepeatedLogin(): boolean {
    return this.#logins.allowsRepeatedLogin;
  }

  learnRepeatedLogin(): void {
    this.#logins.reportsLoginState = false;
    this.#logins.allowsRepeatedLogin = true;
  }

  isLoggedIn(session: Handle): boolean {
    const isReported = this.#isInUserState(session);
    if (isReported && !this.#logins.reportsLoginState) {
      this.#logins.reportsLoginState = true;
      // It was inferred while the token reported no login.
      this.#logins.allowsRepeatedLogin = false;
    }
    return isReported;
  }

  logIn(session: Handle, other?: Handle): number | undefined {
    const { guard, refusal } = this.#options;
    if (this.#isLoggedInAtToken(session)) return undefined;
    refusal.check();
    const hasWaited = guard.enter();
    try {
      if (hasWaited && this.#isLoggedInAtToken(session)) return undefined;
      // Compared before the login: afterwards, the earlier handle may be that of a new session of another thread.
      if (other !== undefined && this.#isStillLoggedIn(other)) {
        // Both again: another thread may have logged in meanwhile, or a login may have come and gone.
        if (this.isLoggedIn(session)) return undefined;
        if (this.#isStillLoggedIn(other)) this.#learnLoginPerSession();
      }
      // Counted before the login, or other threads would use handles that it has made stale. But if the token does not report a
      // login, there may be one already, so that this one is counted only once it is made.
      const counted = this.#logins.reportsLoginState ? this.#count() : undefined;
      return this.#offerPin(session) ? (counted ?? this.#count()) : counted;
    } finally {
      guard.leave();
    }
  }

  /** As `isLoggedIn`. Throws if the slot has another token than when it was found. */
  #isLoggedInAtToken(session: Handle): boolean {
    const { cryptoki, slot, info } = this.#options;
    assertTokenInSlot(cryptoki, slot, info);
    return this.isLoggedIn(session);
  }

  #learnLoginPerSession(): void {
    this.#logins.reportsLoginState = true;
    this.#logins.allowsRepeatedLogin = true;
  }

  #count(): number | undefined {
    return this.#logins.allowsRepeatedLogin ? undefined : this.#logins.add();
  }

  /** Returns false if the user was logged in already. */
  #offerPin(session: Handle): boolean {
    const { cryptoki, pin, guard, refusal } = this.#options;
    try {
      callCryptoki('C_Login', () => cryptoki.C_Login(session, CKU_USER, pin));
      return true;
    } catch (error) {
      if (!(error instanceof Pkcs11Error)) throw error;
      // Another part of the process has logged in first, past this package; or the token never reports a login.
      if (error.returnValue?.name === 'CKR_USER_ALREADY_LOGGED_IN') {
        this.#logins.reportsLoginState = this.#isInUserState(session);
        this.#logins.allowsRepeatedLogin = false;
        return false;
      }
      // A token that has no PIN yet has compared none.
      if (error.code.startsWith('PIN_') && error.returnValue?.name !== 'CKR_USER_PIN_NOT_INITIALIZED') {
        guard.refuse();
        refusal.record(error);
      }
      throw error;
    }
  }

  #isInUserState(session: Handle): boolean {
    const { cryptoki } = this.#options;
    const { state } = callCryptoki('C_GetSessionInfo', () => cryptoki.C_GetSessionInfo(session));
    return CKS_USER_FUNCTIONS.includes(state);
  }

  /** Whether an earlier session is logged in: after a restart its handle may be that of a session with another token. */
  #isStillLoggedIn(session: Handle): boolean {
    const { cryptoki, slot } = this.#options;
    try {
      const { slotID, state } = cryptoki.C_GetSessionInfo(session);
      return slot.equals(slotID) && CKS_USER_FUNCTIONS.includes(state);
    } catch {
      // The token has dropped it.
      return false;
    }
  }
}
