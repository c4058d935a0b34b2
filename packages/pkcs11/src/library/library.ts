import { realpathSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { callCryptoki, Pkcs11Error } from '../errors.ts';
import { createLogins, type Logins } from '../login/login.ts';
import type { ReturnValueName } from '../return-values.ts';
import { createSlotSessions, type SlotSessions } from '../sessions/slot-sessions.ts';
import { type Cryptoki, type Handle, initializeCryptoki, loadCryptoki } from './cryptoki.ts';
import { type ModuleMemory, moduleMemory } from './module-memory.ts';
import { decryptionFailureOf } from './quirks.ts';

/** A PKCS#11 shared library that is initialised once in this process, however often it is opened. */
export interface Library {
  readonly path: string;
  /** With which it was initialised. */
  readonly initializationParameters: string | undefined;
  readonly cryptoki: Cryptoki;
  /** The return value this module gives for a bad tag, if it is not one of the standard's. */
  readonly decryptionFailure: number | undefined;
  /** What the threads that use the library have in common. */
  readonly memory: SharedArrayBuffer;
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
 * @throws Pkcs11Error BINDING_UNAVAILABLE, MODULE_UNAVAILABLE; TypeError for other parameters than those with which
 * the library is initialised already, and in another thread than the main one without memory
 */
export function acquireLibrary(
  path: string,
  { initializationParameters, memory }: AcquireOptions = {},
): Library {
  const realPath = resolvePath(path);
  const library =
    LIBRARIES.get(realPath) ?? load(realPath, initializationParameters, memoryOf(realPath, memory));
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

/** How to open a library. */
interface AcquireOptions {
  /** For a module that wants some from C_Initialize, as NSS does. */
  readonly initializationParameters?: string | undefined;
  /** That of the library in another thread. This thread needs it where it opens the library first, unless it is the main one. */
  readonly memory?: SharedArrayBuffer | undefined;
}

function load(path: string, initializationParameters: string | undefined, memory: ModuleMemory): Library {
  const cryptoki = loadCryptoki(path);
  // A module belongs to the process: a thread that ends must not take it from the others. Nor may it initialise one and
  // leave it so, since the module goes with the thread, and from under the threads that it has itself.
  const hasInitialized = isMainThread && initializeUnlessDone(cryptoki, initializationParameters);
  const finalize = (): void => {
    try {
      if (hasInitialized) cryptoki.C_Finalize();
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
    memory: memory.buffer,
    cryptoki,
    decryptionFailure: decryptionFailure(cryptoki, finalize),
    logins: createLogins(cryptoki, memory),
    sessionsAt: createSlotSessions(cryptoki, memory),
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
    return decryptionFailureOf(callCryptoki('C_GetInfo', () => cryptoki.C_GetInfo()));
  } catch (error) {
    finalize();
    if (!isReturned(error, 'CKR_CRYPTOKI_NOT_INITIALIZED')) throw error;
    const text = 'nobody has initialised the module: open it in the main thread first';
    throw new Pkcs11Error('MODULE_UNAVAILABLE', text, { cause: error });
  }
}

/** It outlasts the library: other threads may still have what whoever opens that again must hear of. */
function memoryOf(path: string, given: SharedArrayBuffer | undefined): ModuleMemory {
  const known = MEMORIES.get(path);
  if (known !== undefined) return known;
  if (given === undefined && !isMainThread) {
    throw new TypeError('memory: expected that of the module in the main thread');
  }
  const memory = moduleMemory(given);
  MEMORIES.set(path, memory);
  return memory;
}

/** Returns false if somebody else in this process initialised the module, who then also has to finalise it. */
function initializeUnlessDone(cryptoki: Cryptoki, parameters: string | undefined): boolean {
  try {
    callCryptoki('C_Initialize', () => initializeCryptoki(cryptoki, parameters));
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
const MEMORIES = new Map<string, ModuleMemory>();
