import { aesGcm } from './cipher/aes-gcm.ts';
import { type CallMode, cipherCalls } from './cipher/cipher-calls.ts';
import { rsa } from './cipher/rsa.ts';
import { callCryptoki } from './errors.ts';
import { type AesKeyRecord, listAesKeys } from './keys/aes-inventory.ts';
import { type AesKey, aesKey } from './keys/aes-key.ts';
import { AES_KEY, findAesKey, type GenerateAesKeyOptions, generateAesKey } from './keys/aes-objects.ts';
import { keyCache } from './keys/key-cache.ts';
import { keyDirectory } from './keys/key-directory.ts';
import type { KeySelector } from './keys/objects.ts';
import { type RsaKey, rsaKey } from './keys/rsa-key.ts';
import { findRsaKey, type GenerateRsaKeyOptions, generateRsaKey } from './keys/rsa-objects.ts';
import { CKF_RW_SESSION, type Handle } from './library/cryptoki.ts';
import type { Library } from './library/library.ts';
import type { TokenInfo } from './library/slots.ts';
import { type PinGuardMemory, pinGuard } from './login/pin-guard.ts';
import { type CallOptions, sessionPool } from './sessions/session-pool.ts';
import { type Session, tokenSessions } from './sessions/token-sessions.ts';

/** A token at which the user is logged in. */
export interface Token {
  readonly info: TokenInfo;
  /**
   * The AES-256 key with this label, id, or both. The first call looks it up; later ones return the same object, and
   * look the key up again once a minute, or with `fresh` each time.
   *
   * @throws Pkcs11Error KEY_NOT_FOUND, KEY_AMBIGUOUS, KEY_UNSUITABLE; TypeError without label and id
   */
  aesKey(selector: KeySelector, options?: { readonly fresh?: boolean }): AesKey;
  /**
   * Generates an AES-256 key in the token: sensitive, not extractable, and for its usages only.
   *
   * @throws Pkcs11Error KEY_EXISTS, TOKEN_UNAVAILABLE for a token that is write-protected
   */
  generateAesKey(options: GenerateAesKeyOptions): AesKey;
  /**
   * All AES keys of the token, of any length and usage, as they stand there now. For diagnosis: it reads every key.
   *
   * @throws Pkcs11Error
   */
  aesKeys(): readonly AesKeyRecord[];
  /**
   * The RSA key of at least 2048 bits with this label, id, or both, looked up as `aesKey` does. The halves of a pair
   * are brought together by their modulus.
   *
   * @throws Pkcs11Error KEY_NOT_FOUND, KEY_AMBIGUOUS, KEY_UNSUITABLE; TypeError without label and id
   */
  rsaKey(selector: KeySelector, options?: { readonly fresh?: boolean }): RsaKey;
  /**
   * Generates an RSA key pair in the token, whose private half is sensitive, not extractable, and does nothing but
   * decrypt. This blocks the event loop, for seconds if the modulus is long or the device slow.
   *
   * @throws Pkcs11Error KEY_EXISTS, TOKEN_UNAVAILABLE for a token that is write-protected; RangeError
   */
  generateRsaKey(options: GenerateRsaKeyOptions): RsaKey;
  /**
   * Random bytes from the token's generator.
   *
   * @throws Pkcs11Error; RangeError; the reason of an aborted signal
   */
  randomBytes(length: number, options?: CallOptions): Promise<Uint8Array>;
  /** How many sessions are open, how many of them idle, and how many there may be at once. */
  sessions(): { open: number; idle: number; limit: number };
  /** Calls under way finish, waiting and later ones fail with CLOSED. */
  close(): void;
}

/** How to open a token; the module has found its slot already. */
export interface LoginOptions {
  /** For the next login: while the process is logged in at the token, that login counts, and no PIN is offered. */
  readonly pin: string;
  /**
   * Memory that the threads of the process share which open the token with this PIN. Then one of them at a time offers the
   * PIN, and none once it was refused: a token locks itself after a few attempts.
   */
  readonly pinGuard?: PinGuardMemory;
  /** Sessions at once, at least 1; 16 by default. */
  readonly maxSessions?: number;
  /** Calls that may wait for a session at once; more fail with SESSIONS_EXHAUSTED. No limit by default. */
  readonly maxWaiting?: number;
  /** `inline` by default. */
  readonly calls?: CallMode;
}

/** Where a token is. */
interface TokenPlace {
  readonly library: Library;
  readonly slot: Handle;
  readonly info: TokenInfo;
}

/**
 * Logs in at the token in the slot.
 *
 * @param onClosed is called when the token is closed and its last call has finished; also for a token at which the login
 * fails, before this throws
 * @throws Pkcs11Error PIN_INCORRECT, PIN_LOCKED, PIN_UNUSABLE, TOKEN_UNAVAILABLE; RangeError, TypeError
 */
export function openTokenInSlot(
  { library, slot, info }: TokenPlace,
  {
    pin,
    pinGuard: guard,
    maxSessions = 16,
    maxWaiting = Number.POSITIVE_INFINITY,
    calls = 'inline',
  }: LoginOptions,
  onClosed: (token: Token) => void,
): Token {
  if (!Number.isInteger(maxSessions) || maxSessions < 1) {
    throw new RangeError('maxSessions: expected a whole number above 0');
  }
  if (!(maxWaiting >= 0)) throw new RangeError('maxWaiting: expected a number of 0 or more');
  const { cryptoki } = library;
  const cipher = cipherCalls(library, calls);
  const login = library.logins.prepare({ slot, info }, pin, guard && pinGuard(guard));
  const sessions = tokenSessions(library.sessionsAt(slot), login);
  library.retain();
  const pool = sessionPool({
    limit: maxSessions,
    maxWaiting,
    sessions,
    onDrained() {
      onClosed(token);
      library.release();
    },
  });
  const verifyLogin = (session: Session): Session => {
    sessions.assertLogin(session);
    return session;
  };
  const directory = keyDirectory(cryptoki, AES_KEY);
  const aesKeyOf = keyCache(
    pool,
    (session, selector, options) => findAesKey(cryptoki, verifyLogin(session), selector, directory, options),
    (cached) => aesKey(cached, aesGcm(cipher)),
  );
  const rsaKeyOf = keyCache(
    pool,
    (session, selector) => findRsaKey(cryptoki, verifyLogin(session), selector),
    (cached) => rsaKey(cached, rsa(cipher)),
  );
  /** Generates a key within the pool, which throws once closed, and tries again if the token has restarted. */
  const runGeneration = (generate: (session: Handle) => KeySelector): KeySelector =>
    pool.runOnNewSession(CKF_RW_SESSION, ({ handle }) => generate(handle));

  const token: Token = {
    info,
    aesKey: aesKeyOf,
    // Another key may have had the label and id, and be known by them still.
    generateAesKey: (options) =>
      aesKeyOf(
        runGeneration((session) => generateAesKey(cryptoki, session, options)),
        { fresh: true },
      ),
    aesKeys: () => pool.runNow((session) => listAesKeys(cryptoki, verifyLogin(session).handle)),
    rsaKey: rsaKeyOf,
    generateRsaKey: (options) =>
      rsaKeyOf(
        runGeneration((session) => generateRsaKey(cryptoki, session, options)),
        { fresh: true },
      ),
    async randomBytes(length, options) {
      if (!Number.isInteger(length) || length < 1)
        throw new RangeError('length: expected a whole number above 0');
      const bytes = Buffer.allocUnsafeSlow(length);
      await pool.run(
        ({ handle }) => callCryptoki('C_GenerateRandom', () => cryptoki.C_GenerateRandom(handle, bytes)),
        options,
      );
      return new Uint8Array(bytes.buffer);
    },
    sessions: () => pool.counts(),
    close: () => pool.close(),
  };
  try {
    pool.runNow(() => undefined);
    return token;
  } catch (error) {
    pool.close();
    throw error;
  }
}
