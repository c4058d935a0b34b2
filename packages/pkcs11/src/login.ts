import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { CKS_USER_FUNCTIONS, CKU_USER, type Cryptoki, type Handle } from './cryptoki.ts';
import { attempt, Pkcs11Error } from './errors.ts';
import { type PinGuard, pinGuard } from './pin-guard.ts';

/** The user's login at one token, which all sessions of the process share (PKCS #11 v2.40, 5.6). */
interface Login {
  /**
   * Logs in over this session unless the token knows the user already.
   *
   * @throws Pkcs11Error PIN_INCORRECT, PIN_LOCKED and others; a PIN that was refused is never offered again as long
   * as these logins last, whoever joins with it, because a token locks itself after a few attempts
   */
  ensure(session: Handle): void;
  /** One user less; the last one makes the login be forgotten. */
  leave(): void;
}

/** The logins of a process at the tokens of one library. */
export interface Logins {
  /**
   * Joins the login at the token in the slot, or prepares it.
   *
   * @param guard over the PIN, if other threads have it too
   * @throws Pkcs11Error PIN_INCORRECT if somebody joined it with another PIN: the token would not look at ours
   */
  join(slot: Handle, pin: string, guard?: PinGuard): Login;
}

/** No logins yet. */
export function createLogins(cryptoki: Cryptoki): Logins {
  const shared = new Map<string, { readonly pin: string; readonly ensure: Login['ensure']; users: number }>();
  const refusals = new Map<string, Pkcs11Error>();
  // A PIN is short: without a secret its digest could be tried out.
  const secret = randomBytes(32);
  return {
    join(slot, pin, guard = pinGuard(new SharedArrayBuffer(4))) {
      const name = slot.toString('hex');
      const attempted = createHmac('sha256', secret).update(slot).update(pin).digest('hex');
      const refusal = {
        known: () => refusals.get(attempted),
        keep: (error: Pkcs11Error) => void refusals.set(attempted, error),
      };
      const login = shared.get(name) ?? { pin, ensure: loginOnce(cryptoki, pin, guard, refusal), users: 0 };
      if (!equal(login.pin, pin)) {
        throw new Pkcs11Error('PIN_INCORRECT', 'this process is logged in at the token with another PIN');
      }
      login.users += 1;
      shared.set(name, login);
      return {
        ensure: login.ensure,
        leave() {
          login.users -= 1;
          if (login.users === 0) shared.delete(name);
        },
      };
    },
  };
}

interface Refusal {
  known(): Pkcs11Error | undefined;
  keep(error: Pkcs11Error): void;
}

function loginOnce(cryptoki: Cryptoki, pin: string, guard: PinGuard, refusal: Refusal): Login['ensure'] {
  const isLoggedIn = (session: Handle): boolean => {
    const { state } = attempt('C_GetSessionInfo', () => cryptoki.C_GetSessionInfo(session));
    return CKS_USER_FUNCTIONS.includes(state);
  };
  return (session) => {
    if (isLoggedIn(session)) return;
    const known = refusal.known();
    if (known !== undefined) throw known;
    const hasWaited = guard.enter();
    let outcome: Parameters<PinGuard['leave']>[0] = 'done';
    try {
      if (hasWaited && isLoggedIn(session)) return;
      attempt('C_Login', () => cryptoki.C_Login(session, CKU_USER, pin));
    } catch (error) {
      if (!(error instanceof Pkcs11Error)) throw error;
      // Another part of the process was faster, past this package.
      if (error.returnValue?.name === 'CKR_USER_ALREADY_LOGGED_IN') return;
      if (error.code.startsWith('PIN_')) {
        outcome = 'refused';
        refusal.keep(error);
      }
      throw error;
    } finally {
      guard.leave(outcome);
    }
  };
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
