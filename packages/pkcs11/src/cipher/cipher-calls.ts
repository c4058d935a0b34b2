import type { Pkcs11ErrorCode } from '../error-codes.ts';
import { callCryptoki, Pkcs11Error, toPkcs11Error } from '../errors.ts';
import type { Cryptoki, Handle, Mechanism } from '../library/cryptoki.ts';
import type { Library } from '../library/library.ts';
import type { ReturnValueName } from '../return-values.ts';

/**
 * How C_Encrypt and C_Decrypt run. `inline` blocks the event loop for the call and has no overhead: right for a
 * token inside the process, such as SoftHSM. Such a call has given its session back before any other code runs.
 * `threadpool` leaves the event loop free while the device works: right for a token behind a network. It is bounded by
 * libuv's pool, 4 threads unless UV_THREADPOOL_SIZE was set when the process started. All other PKCS#11 functions run
 * inline in both modes.
 */
export type CallMode = 'inline' | 'threadpool';

/**
 * An operation whose input was checked and copied, and which can be run more than once. The caller that prepared it has
 * to wipe it after the last run. That also keeps the memory alive until then: pkcs11js holds no reference to the buffers
 * of a call on the thread pool (PeculiarVentures/pkcs11js#121), so that without this one the garbage collector could free
 * their memory while the token reads it.
 */
export interface PreparedCall<Key, Result> {
  /**
   * Returns the result itself if calls are inline.
   *
   * @param key the key as it was found last
   */
  run(session: Handle, key: Key): Result | Promise<Result>;
  /** Overwrites the copies of input and output. */
  wipe(): void;
}

/** Everything whose address a native call holds. */
interface CallBuffers {
  readonly mechanism: Mechanism;
  /** For the error message if the token does not offer it. */
  readonly mechanismName: string;
  readonly input: Buffer;
  /** Has room for all that the token may write. */
  readonly output: Buffer;
}

/**
 * One-part encryption and decryption through one library. They return the part of `output` that was written: as a promise
 * only if another thread writes it, because what holds a session across a promise keeps it from all other calls.
 * A mechanism that a token does not offer, or not with these parameters, is MECHANISM_UNSUPPORTED on every token.
 */
export interface CipherCalls {
  encrypt(session: Handle, key: Handle, buffers: CallBuffers): Buffer | Promise<Buffer>;
  /** @throws Pkcs11Error DECRYPTION_FAILED also where the module has another return value for it */
  decrypt(session: Handle, key: Handle, buffers: CallBuffers): Buffer | Promise<Buffer>;
}

/**
 * Calls C_EncryptInit with C_Encrypt, and C_DecryptInit with C_Decrypt.
 *
 * @throws TypeError for an unknown mode
 */
export function cipherCalls(library: Library, mode: CallMode): CipherCalls {
  if (!Object.hasOwn(NATIVE_CALLS, mode)) {
    throw new TypeError(`calls: expected one of ${Object.keys(NATIVE_CALLS).join(', ')}`);
  }
  const { cryptoki } = library;
  const native = NATIVE_CALLS[mode];
  return {
    encrypt(session, key, { mechanism, mechanismName, input, output }) {
      beginOperation('C_EncryptInit', mechanismName, () => cryptoki.C_EncryptInit(session, mechanism, key));
      return written(
        () => native.encrypt(cryptoki, session, input, output),
        (cause) => toPkcs11Error('C_Encrypt', cause),
      );
    },
    decrypt(session, key, { mechanism, mechanismName, input, output }) {
      beginOperation('C_DecryptInit', mechanismName, () => cryptoki.C_DecryptInit(session, mechanism, key));
      return written(
        () => native.decrypt(cryptoki, session, input, output),
        (cause) => decryptionError(toPkcs11Error('C_Decrypt', cause), library.decryptionFailure),
      );
    },
  };
}

/** Passes on a result: at once, or when the promise of it resolves. */
export function whenDone<T, R>(result: T | Promise<T>, use: (result: T) => R): R | Promise<R> {
  return result instanceof Promise ? result.then(use) : use(result);
}

/**
 * Returns a copy of what a token wrote, for the caller to wipe. It lies outside of the engine's heap, where the garbage
 * collector would move a small array and leave copies behind.
 */
export function copyOutput(output: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new ArrayBuffer(output.length));
  copy.set(output);
  return copy;
}

function written(
  call: () => Buffer | Promise<Buffer>,
  errorOf: (cause: unknown) => unknown,
): Buffer | Promise<Buffer> {
  const fail = (cause: unknown): never => {
    throw errorOf(cause);
  };
  try {
    const output = call();
    return output instanceof Promise ? output.catch(fail) : output;
  } catch (cause) {
    return fail(cause);
  }
}

/** @param failure the return value by which the module refuses a ciphertext */
function decryptionError(error: unknown, failure: number | undefined): unknown {
  const { returnValue } = error instanceof Pkcs11Error ? error : {};
  if (returnValue === undefined || returnValue.value !== failure) return error;
  const message = `C_Decrypt returned ${returnValue.name} for this data`;
  return new Pkcs11Error('DECRYPTION_FAILED', message, { cause: error, returnValue });
}

function beginOperation(name: string, mechanismName: string, call: () => void): void {
  try {
    callCryptoki(name, call);
  } catch (error) {
    const { returnValue } = error instanceof Pkcs11Error ? error : {};
    if (returnValue === undefined) throw error;
    const code = BEGIN_CODES[returnValue.name];
    if (code === undefined) throw error;
    const message = `${name} returned ${returnValue.name} for ${mechanismName} with this key`;
    throw new Pkcs11Error(code, message, { cause: error, returnValue });
  }
}

type NativeCall = (
  cryptoki: Cryptoki,
  session: Handle,
  input: Buffer,
  output: Buffer,
) => Buffer | Promise<Buffer>;

const NATIVE_CALLS: Record<CallMode, { readonly encrypt: NativeCall; readonly decrypt: NativeCall }> = {
  inline: {
    encrypt: (cryptoki, session, input, output) => cryptoki.C_Encrypt(session, input, output),
    decrypt: (cryptoki, session, input, output) => cryptoki.C_Decrypt(session, input, output),
  },
  threadpool: {
    encrypt: (cryptoki, session, input, output) => cryptoki.C_EncryptAsync(session, input, output),
    decrypt: (cryptoki, session, input, output) => cryptoki.C_DecryptAsync(session, input, output),
  },
};

/**
 * What a return value of C_EncryptInit or C_DecryptInit means, as the arguments were checked before, and the key is one
 * for the mechanism. SoftHSM 2.6.1 returns CKR_ARGUMENTS_BAD for RSA-OAEP with a hash function other than SHA-1; NSS returns
 * CKR_KEY_TYPE_INCONSISTENT for a key whose attributes forbid the use.
 */
const BEGIN_CODES: Readonly<Partial<Record<ReturnValueName, Pkcs11ErrorCode>>> = {
  CKR_ARGUMENTS_BAD: 'MECHANISM_UNSUPPORTED',
  CKR_FUNCTION_NOT_SUPPORTED: 'MECHANISM_UNSUPPORTED',
  CKR_KEY_TYPE_INCONSISTENT: 'KEY_USAGE_FORBIDDEN',
  CKR_MECHANISM_INVALID: 'MECHANISM_UNSUPPORTED',
  CKR_MECHANISM_PARAM_INVALID: 'MECHANISM_UNSUPPORTED',
};
