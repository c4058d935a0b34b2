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

/**
 * A checked and copied operation, which can be run more than once. Whoever prepared it has to wipe it after the
 * last run. That is also what keeps the memory alive meanwhile: pkcs11js holds no reference to the buffers of a
 * call on the thread pool (PeculiarVentures/pkcs11js#121), so that without ours the garbage collector could give
 * their memory away while the token reads it.
 */
interface PreparedCall<Result> {
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
          const output = await attemptAsync('C_Encrypt', () =>
            calls.encrypt(cryptoki, session, buffers.input, buffers.output),
          );
          requireLength('C_Encrypt', output, length + TAG_LENGTH);
          const bytes = new Uint8Array(output);
          return { ciphertext: bytes.subarray(0, length), tag: bytes.subarray(length) };
        },
        wipe: () => void buffers.block.fill(0),
      };
    },
    decryption({ iv, aad, ciphertext, tag }) {
      if (tag.length !== TAG_LENGTH) throw new RangeError(`tag: expected ${TAG_LENGTH} bytes`);
      const buffers = prepare(iv, aad, { ciphertext, tag });
      const length = ciphertext.length;
      return {
        async run(session, key) {
          attempt('C_DecryptInit', () => cryptoki.C_DecryptInit(session, buffers.mechanism, key));
          const output = await decryptOnce(session, buffers);
          requireLength('C_Decrypt', output, length);
          return new Uint8Array(output);
        },
        wipe: () => void buffers.block.fill(0),
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
  /** The memory of all of them. */
  readonly block: Buffer;
}

function prepare(iv: Uint8Array, aad: Uint8Array, inputs: Record<string, Uint8Array>): CallBuffers {
  for (const [name, bytes] of Object.entries({ iv, aad, ...inputs })) {
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`${name}: expected a Uint8Array`);
  }
  // SoftHSM encrypts with a zero-length IV if it is asked to.
  if (iv.length !== 12 && iv.length !== 16) throw new RangeError('iv: expected 12 or 16 bytes');
  const parts = [iv, aad, ...Object.values(inputs)];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const inputLength = length - iv.length - aad.length;
  // One block of our own, because it is wiped. It also gives empty input an address: that of a Buffer without
  // bytes is NULL, which PKCS#11 reads as "no data at all" and refuses. The output has room for a tag on
  // decryption too: some modules want it as long as their input.
  const block = Buffer.allocUnsafeSlow(length + inputLength + TAG_LENGTH);
  let offset = 0;
  for (const part of parts) {
    block.set(part, offset);
    offset += part.length;
  }
  return {
    mechanism: {
      mechanism: CKM_AES_GCM,
      parameter: {
        type: CK_PARAMS_GCM,
        iv: block.subarray(0, iv.length),
        ivBits: iv.length * 8,
        aad: block.subarray(iv.length, iv.length + aad.length),
        tagBits: TAG_LENGTH * 8,
      },
    },
    input: block.subarray(length - inputLength, length),
    output: block.subarray(length),
    block,
  };
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
