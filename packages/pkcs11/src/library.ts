import { realpathSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { type Cryptoki, type Handle, initializeCryptoki, loadCryptoki } from './cryptoki.ts';
import { attempt, Pkcs11Error } from './errors.ts';
import { createLogins, type Logins } from './login.ts';
import { decryptionFailureOf } from './quirks.ts';
import type { ReturnValueName } from './return-values.ts';
import { createSlotSessions, type SlotSessions } from './slot-sessions.ts';

/** A PKCS#11 shared library that is initialised once in this process, however often it is opened. */
export interface Library {
  readonly path: string;
  /** With which it was initialised. */
  readonly initializationParameters: string | undefined;
  readonly cryptoki: Cryptoki;
  /** The return value this module gives for a bad tag, if it is not one of the standard's. */
  readonly decryptionFailure: number | undefined;
  readonly logins: Logins;
  /** The sessions of this thread with the token in a slot, which all who open the token share. */
  readonly sessionsAt: (slot: Handle) => SlotSessions;
  /** Counts one more user. */
  retain(): void;
  /** Counts one user less; the last one finalises the library. */
  release(): void;
}

/**
 * Loads and initialises the library, or finds it initialised, and counts the caller as its user.
 *
 * @param initializationParameters for a module that wants some from C_Initialize, as NSS does
 * @throws Pkcs11Error BINDING_UNAVAILABLE, MODULE_UNAVAILABLE; TypeError for other parameters than those with which
 * the library is initialised already
 */
export function acquireLibrary(path: string, initializationParameters?: string): Library {
  const realPath = resolvePath(path);
  const library = LIBRARIES.get(realPath) ?? load(realPath, initializationParameters);
  if (library.initializationParameters !== initializationParameters) {
    throw new TypeError('initializationParameters: expected those with which this process opened the module');
  }
  library.retain();
  return library;
}

/** Whether this process has the library open already. */
export function isAcquired(path: string): boolean {
  return LIBRARIES.has(resolvePath(path));
}

function load(path: string, initializationParameters: string | undefined): Library {
  const cryptoki = loadCryptoki(path);
  // A module belongs to the process: a thread that ends must not take it from the others. Nor may it initialise one and
  // leave it so, since the module goes with the thread, and from under the threads that it has itself.
  const isOurs = isMainThread && initializeUnlessDone(cryptoki, initializationParameters);
  const finalize = (): void => {
    try {
      if (isOurs) cryptoki.C_Finalize();
    } catch {
      // Nobody is left who could do anything about it, and the caller may have been after something else.
    } finally {
      cryptoki.close();
    }
  };
  let users = 0;
  const library: Library = {
    path,
    initializationParameters,
    cryptoki,
    decryptionFailure: decryptionFailure(cryptoki, finalize),
    logins: createLogins(cryptoki),
    sessionsAt: createSlotSessions(cryptoki),
    retain() {
      users += 1;
    },
    release() {
      users -= 1;
      if (users > 0) return;
      LIBRARIES.delete(path);
      finalize();
    },
  };
  LIBRARIES.set(path, library);
  return library;
}

function decryptionFailure(cryptoki: Cryptoki, finalize: () => void): number | undefined {
  try {
    return decryptionFailureOf(attempt('C_GetInfo', () => cryptoki.C_GetInfo()));
  } catch (error) {
    finalize();
    if (!isReturned(error, 'CKR_CRYPTOKI_NOT_INITIALIZED')) throw error;
    const text = 'nobody has initialised the module: open it in the main thread first';
    throw new Pkcs11Error('MODULE_UNAVAILABLE', text, { cause: error });
  }
}

/** Returns false if somebody else in this process initialised the module, who then also has to finalise it. */
function initializeUnlessDone(cryptoki: Cryptoki, parameters: string | undefined): boolean {
  try {
    attempt('C_Initialize', () => initializeCryptoki(cryptoki, parameters));
    return true;
  } catch (error) {
    if (isReturned(error, 'CKR_CRYPTOKI_ALREADY_INITIALIZED')) return false;
    cryptoki.close();
    throw error;
  }
}

function isReturned(error: unknown, name: ReturnValueName): boolean {
  return error instanceof Pkcs11Error && error.returnValue?.name === name;
}

// The loader hands out one library for all links to a file, so the count goes by the file.
function resolvePath(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new Pkcs11Error('MODULE_UNAVAILABLE', `there is no PKCS#11 module at ${path}`, { cause });
  }
}

const LIBRARIES = new Map<string, Library>();
