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

/** A PKCS#11 module: the library through which a program uses its tokens. */
export interface Pkcs11Module {
  /** The file, with all links resolved. */
  readonly path: string;
  /** Other threads of the process open the module with it; through it they learn of restarts and of logins at the tokens. */
  readonly memory: SharedArrayBuffer;
  /** The tokens that are present now. */
  tokens(): readonly TokenInfo[];
  /**
   * Gives the first token that was never initialised its label and PINs. Tokens in use are never touched. If a token takes
   * the label and refuses the user PIN, for example as too weak, a second call with the same label and `soPin` gives it
   * another one.
   *
   * @throws Pkcs11Error TOKEN_EXISTS for a label that a token in use has; TOKEN_NOT_FOUND; PIN_UNUSABLE; PIN_INCORRECT for
   * a second call with another `soPin` than the first; RangeError; TypeError
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
   * The parameters of C_Initialize, for a module that needs some. NSS does: `configdir='sql:/path/of/the/database'`, and
   * more of its own. Other modules refuse any. While the module is open, every further opening has to give the same ones.
   */
  readonly initializationParameters?: string;
  /**
   * In a thread other than the main one: the `memory` of the module in the main thread. Without it a key handle from before
   * a restart could be used on a session that another thread has opened since, and encrypt under another key.
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
 * const { ciphertext, tag } = await token.aesKey({ label: 'orders' }).encrypt({ iv, aad, plaintext });
 * ```
 *
 * @throws Pkcs11Error BINDING_UNAVAILABLE, MODULE_UNAVAILABLE; TypeError for a path that is not a string, for parameters
 * other than those of a module that is open already, and without `memory` in a thread other than the main one
 */
export function openModule(moduleOptions: OpenModuleOptions): Pkcs11Module {
  const { path, ...options } = moduleOptions ?? {};
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
      const token = openTokenInSlot({ library, slot, info }, options, (closed) => tokens.delete(closed));
      tokens.add(token);
      return token;
    },
    close() {
      if (closed) return;
      closed = true;
      for (const token of tokens) token.close();
      library.release();
    },
  };
}
