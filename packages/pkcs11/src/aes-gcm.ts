import { CK_PARAMS_GCM, CKM_AES_GCM, type Cryptoki, type Handle } from './cryptoki.ts';
import { attempt, attemptAsync, Pkcs11Error } from './errors.ts';
import type { Library } from './library.ts';

/**
 * How C_Encrypt and C_Decrypt run. `inline` blocks the event loop for the call and has no overhead: right for a
 * token inside the process, such as SoftHSM. `threadpool` leaves the event loop free while the device works:
 * right for a token behind a network. It is bounded by libuv's pool, 4 threads unless UV_THREADPOOL_SIZE was set
 * when the process started. Everything else that PKCS#11 does is inline with both.
 */
export type CallMode = 'inline' | 'threadpool';

/** The input of an encryption. The bytes are copied before `encrypt` returns its promise. */
export interface EncryptInput {
  /** 12 or 16 bytes, never used twice with one key. */
  readonly iv: Uint8Array;
  /** Additional authenticated data, may be empty. */
  readonly aad: Uint8Array;
  /** May be empty. */
  readonly plaintext: Uint8Array;
}

/** The output of an encryption. */
export interface EncryptOutput {
  /** As long as the plaintext. */
  readonly ciphertext: Uint8Array;
  /** 16 bytes. */
  readonly tag: Uint8Array;
}

/** The input of a decryption. The bytes are copied before `decrypt` returns its promise. */
export interface DecryptInput {
  /** 12 or 16 bytes. */
  readonly iv: Uint8Array;
  readonly aad: Uint8Array;
  readonly ciphertext: Uint8Array;
  /** 16 bytes. */
  readonly tag: Uint8Array;
}

/** A checked and copied operation, which can be run more than once. */
export interface PreparedCall<Result> {
  run(session: Handle, key: Handle): Promise<Result>;
  /** Overwrites the copies of input and output. */
  wipe(): void;
}

/** AES-256-GCM by the token (NIST SP 800-38D; PKCS #11 v2.40 current mechanisms, 2.12.3). */
export interface AesGcm {
  /** @throws TypeError, RangeError */
  encryption(input: EncryptInput): PreparedCall<EncryptOutput>;
  /** @throws TypeError, RangeError */
  decryption(input: DecryptInput): PreparedCall<Uint8Array>;
}

/** AES-256-GCM through one library. */
export function aesGcm(library: Library, mode: CallMode): AesGcm {
  const { cryptoki } = library;
  const calls = CALLS[mode];
  return {
    encryption({ iv, aad, plaintext }) {
      const buffers = prepare(iv, aad, { plaintext });
      const length = plaintext.length;
      return {
        async run(session, key) {
          attempt('C_EncryptInit', () => cryptoki.C_EncryptInit(session, buffers.mechanism, key));
          const output = await pinned(buffers, () =>
            attemptAsync('C_Encrypt', () => calls.encrypt(cryptoki, session, buffers.input, buffers.output)),
          );
          requireLength('C_Encrypt', output, length + TAG_LENGTH);
          return {
            ciphertext: new Uint8Array(output.subarray(0, length)),
            tag: new Uint8Array(output.subarray(length)),
          };
        },
        wipe: () => wipe(buffers),
      };
    },
    decryption({ iv, aad, ciphertext, tag }) {
      if (tag.length !== TAG_LENGTH) throw new RangeError(`tag must have ${TAG_LENGTH} bytes`);
      const buffers = prepare(iv, aad, { ciphertext, tag });
      const length = ciphertext.length;
      return {
        async run(session, key) {
          attempt('C_DecryptInit', () => cryptoki.C_DecryptInit(session, buffers.mechanism, key));
          const output = await pinned(buffers, () => decryptOnce(session, buffers));
          requireLength('C_Decrypt', output, length);
          return new Uint8Array(output);
        },
        wipe: () => wipe(buffers),
      };
    },
  };

  async function decryptOnce(session: Handle, { input, output }: CallBuffers): Promise<Buffer> {
    try {
      return await attemptAsync('C_Decrypt', () => calls.decrypt(cryptoki, session, input, output));
    } catch (error) {
      const { returnValue } = error instanceof Pkcs11Error ? error : {};
      if (returnValue === undefined || returnValue.value !== library.decryptionFailure) throw error;
      throw new Pkcs11Error('DECRYPTION_FAILED', `C_Decrypt returned ${returnValue.name} for this data`, {
        cause: error,
        returnValue,
      });
    }
  }
}

/** Everything whose address a native call holds. */
interface CallBuffers {
  readonly mechanism: {
    readonly mechanism: number;
    readonly parameter: {
      readonly type: number;
      readonly iv: Buffer;
      readonly ivBits: number;
      readonly aad: Buffer;
      readonly tagBits: number;
    };
  };
  readonly input: Buffer;
  readonly output: Buffer;
}

function prepare(iv: Uint8Array, aad: Uint8Array, inputs: Record<string, Uint8Array>): CallBuffers {
  for (const [name, bytes] of Object.entries({ iv, aad, ...inputs })) {
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array`);
  }
  // SoftHSM encrypts with a zero-length IV if it is asked to.
  if (iv.length !== 12 && iv.length !== 16) throw new RangeError('iv must have 12 or 16 bytes');
  const input = concatenate(Object.values(inputs));
  return {
    mechanism: {
      mechanism: CKM_AES_GCM,
      parameter: {
        type: CK_PARAMS_GCM,
        iv: concatenate([iv]),
        ivBits: iv.length * 8,
        aad: concatenate([aad]),
        tagBits: TAG_LENGTH * 8,
      },
    },
    input,
    // Room for a tag also on decryption: some modules want the buffer as long as their input.
    output: Buffer.allocUnsafeSlow(input.length + TAG_LENGTH),
  };
}

// Not from Node's shared pool, because it is wiped; and never of zero length, because an address of zero bytes is
// NULL, which PKCS#11 reads as "no data at all" and refuses.
function concatenate(parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = Buffer.allocUnsafeSlow(Math.max(length, 1)).subarray(0, length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

// pkcs11js keeps no reference to the buffers of a call on the thread pool (PeculiarVentures/pkcs11js#121): without
// one of ours the garbage collector may hand their memory to somebody else while the token reads or writes it.
async function pinned<T>(buffers: CallBuffers, call: () => Promise<T>): Promise<T> {
  inFlight.add(buffers);
  try {
    return await call();
  } finally {
    inFlight.delete(buffers);
  }
}

function wipe({ input, output }: CallBuffers): void {
  input.fill(0);
  output.fill(0);
}

function requireLength(name: string, output: Uint8Array, length: number): void {
  if (output.length === length) return;
  throw new Pkcs11Error('DEVICE_ERROR', `${name} wrote ${output.length} bytes instead of ${length}`);
}

type NativeCall = (
  cryptoki: Cryptoki,
  session: Handle,
  input: Buffer,
  output: Buffer,
) => Buffer | Promise<Buffer>;

const CALLS: Record<CallMode, { readonly encrypt: NativeCall; readonly decrypt: NativeCall }> = {
  inline: {
    encrypt: (cryptoki, session, input, output) => cryptoki.C_Encrypt(session, input, output),
    decrypt: (cryptoki, session, input, output) => cryptoki.C_Decrypt(session, input, output),
  },
  threadpool: {
    encrypt: (cryptoki, session, input, output) => cryptoki.C_EncryptAsync(session, input, output),
    decrypt: (cryptoki, session, input, output) => cryptoki.C_DecryptAsync(session, input, output),
  },
};

const TAG_LENGTH = 16;

const inFlight = new Set<CallBuffers>();
