import * as ck from '../library/cryptoki.ts';
import { findToken } from '../library/slots.ts';
import type { TestToken } from './test-token.ts';

/** Code in this process that uses the module of a token past this package, and disturbs it. */
export interface Outsider {
  /** Closes all sessions of the process with the token, which ends its login too. */
  closeAllSessions(): void;
  logOut(): void;
  /** Finalises the module while it is in use. */
  finalizeModule(): void;
  /** Initialises the module again; its earlier sessions are gone. */
  initializeModule(): void;
  /** Lets go of the module. */
  leave(): void;
}

/** Returns an outsider, to test how a program takes the loss of sessions, login or module. The module must be open. */
export function outsider(token: TestToken): Outsider {
  const cryptoki = ck.loadCryptoki(token.modulePath);
  const { label, initializationParameters } = token;
  const slot = () => findToken(cryptoki, { label }).slot;
  return {
    closeAllSessions: () => cryptoki.C_CloseAllSessions(slot()),
    logOut() {
      const session = cryptoki.C_OpenSession(slot(), ck.CKF_SERIAL_SESSION);
      cryptoki.C_Logout(session);
      cryptoki.C_CloseSession(session);
    },
    finalizeModule: () => cryptoki.C_Finalize(),
    initializeModule: () => ck.initializeCryptoki(cryptoki, initializationParameters),
    leave: () => cryptoki.close(),
  };
}

/** Gives a token another PIN, as its administrator might. The process must be logged in at it. */
export function changePin(token: TestToken, pin: string): void {
  const cryptoki = ck.loadCryptoki(token.modulePath);
  const { slot } = findToken(cryptoki, token);
  const session = cryptoki.C_OpenSession(slot, ck.CKF_SERIAL_SESSION | ck.CKF_RW_SESSION);
  cryptoki.C_SetPIN(session, token.pin, pin);
  cryptoki.C_CloseSession(session);
  cryptoki.close();
}
