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
  /** The parameters of C_Initialize. */
  readonly initializationParameters: string | undefined;
  readonly cryptoki: Cryptoki;
  /** The return value of this module for a bad tag, if it is not the standard's. */
  readonly decryptionFailure: number | undefined;
  /** What the threads that use the library share. */
  readonly memory: SharedArrayBuffer;
  readonly logins: Logins;
  /** Returns the sessions of this thread with the token in a slot, which all users of the token share. */
  readonly sessionsAt: (slot: Handle) => SlotSessions;
  /** Counts one more user. */
  retain(): void;
  /** Counts one user less; the last one finalises the library. */
  release(): void;
}

/**
 * Loads and initialises the library, or finds it initialised, and counts the caller as its user.
 *
 * @throws Pkcs11Error BINDING_UNAVAILABLE, MODULE_UNAVAILABLE; TypeError for parameters other than those of the library
 * that is open already, and without memory in a thread other than the main one
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

/** Whether this thread has the library open. */
export function isAcquired(path: string): boolean {
  return LIBRARIES.has(resolvePath(path));
}

/** How to open a library. */
interface AcquireOptions {
  /** For a module that needs some in C_Initialize, as NSS does. */
  readonly initializationParameters?: string | undefined;
  /** The memory of the library in another thread. A thread other than the main one needs it to open the library first. */
  readonly memory?: SharedArrayBuffer | undefined;
}

function load(path: string, initializationParameters: string | undefined, memory: ModuleMemory): Library {
  const cryptoki = loadCryptoki(path);
  // A module belongs to the process, so only the main thread initialises and finalises it. A worker that ends must not
  // finalise it under the other threads; nor may it leave behind a module that it has initialised, because that is unloaded
  // with the worker, and from under the threads that the module has started.
  const hasInitialized = isMainThread && initializeUnlessDone(cryptoki, initializationParameters);
  const finalize = (): void => {
    try {
      if (hasInitialized) cryptoki.C_Finalize();
    } catch {
      // No user is left who could act on it, and the caller may be handling another error.
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

/** The memory outlives the library: other threads may still hold session handles, which a later opening must see. */
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

/** Returns false if another part of this process has initialised the module, which then also has to finalise it. */
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

// The loader returns one library for all links to a file, so users are counted by file.
function resolvePath(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new Pkcs11Error('MODULE_UNAVAILABLE', `there is no PKCS#11 module at ${path}`, { cause });
  }
}

const LIBRARIES = new Map<string, Library>();
const MEMORIES = new Map<string, ModuleMemory>();
