import { Pkcs11Error } from './errors.ts';
import { acquireLibrary } from './library/library.ts';
import {
  findToken,
  type InitializeTokenOptions,
  initializeToken,
  occupiedSlots,
  type TokenInfo,
} from './library/slots.ts';
import { type LoginOptions, openTokenInSlot, type Token } from './token.ts';

/** A PKCS#11 module: the library through which a token is spoken to. */
export interface Pkcs11Module {
  /** The file, all links resolved. */
  readonly path: string;
  /** What other threads of the process open the module with, to hear when it restarts and of logins at its tokens. */
  readonly memory: SharedArrayBuffer;
  /** The tokens that are present now. */
  tokens(): readonly TokenInfo[];
  /**
   * Gives the first token that was never initialised its label and PINs. Tokens in use are never touched. A token that
   * took the label and not the PIN of the user, such as one that finds it too weak, gets another one by another call with
   * the same label and `soPin`.
   *
   * @throws Pkcs11Error TOKEN_EXISTS for a label that a token in use has; TOKEN_NOT_FOUND; PIN_REFUSED; PIN_INCORRECT for
   * another `soPin` than that call had; RangeError; TypeError
   */
  initializeToken(options: InitializeTokenOptions): TokenInfo;
  /**
   * Logs in at the one token with this label or serial number.
   *
   * @throws Pkcs11Error TOKEN_NOT_FOUND, TOKEN_AMBIGUOUS, PIN_INCORRECT, PIN_LOCKED; TypeError, RangeError
   */
  openToken(options: OpenTokenOptions): Token;
  /** Closes the tokens opened through this object; calls under way still finish. */
  close(): void;
}

/** Which module to open. */
export interface OpenModuleOptions {
  /** The file. */
  readonly path: string;
  /**
   * What the module wants to be told by C_Initialize. NSS does: `configdir='sql:/path/of/the/database'`, and more of
   * its own. Others refuse any. The same for everybody in a process who opens the module.
   */
  readonly initializationParameters?: string;
  /**
   * In another thread than the main one: the `memory` of the module there. Without it a key handle of before a restart could
   * meet a session that another thread has opened since, and encrypt under another key.
   */
  readonly memory?: SharedArrayBuffer;
}

/** Which token to open, and how: exactly one of label and serial. */
export interface OpenTokenOptions extends LoginOptions {
  readonly label?: string;
  readonly serial?: string;
}

/**
 * Opens a PKCS#11 module, for example `/usr/lib/softhsm/libsofthsm2.so`. A process initialises a module once,
 * however often it is opened, and finalises it when the last module object and token of the main thread are closed.
 *
 * ```ts
 * const token = openModule({ path }).openToken({ label: 'holdfast', pin });
 * const { ciphertext, tag } = await token.key({ label: 'orders' }).encrypt({ iv, aad, plaintext });
 * ```
 *
 * @throws Pkcs11Error BINDING_UNAVAILABLE, MODULE_UNAVAILABLE; TypeError for a path that is no text, other parameters
 * than the module was opened with, or in another thread than the main one without `memory`
 */
export function openModule({ path, ...options }: OpenModuleOptions): Pkcs11Module {
  if (typeof path !== 'string') throw new TypeError('path: expected a text');
  const library = acquireLibrary(path, options);
  const tokens = new Set<Token>();
  let closed = false;
  const cryptoki = () => {
    if (closed) throw new Pkcs11Error('CLOSED', 'the module is closed');
    return library.cryptoki;
  };
  return {
    path: library.path,
    memory: library.memory,
    tokens: () => occupiedSlots(cryptoki()).map(({ info }) => info),
    initializeToken: (options) => initializeToken(cryptoki(), options),
    openToken(options) {
      const { slot, info } = findToken(cryptoki(), options);
      return openTokenInSlot(library, slot, info, options, tokens);
    },
    close() {
      if (closed) return;
      closed = true;
      for (const token of tokens) token.close();
      library.release();
    },
  };
}
