import { type CipherCalls, copied, type PreparedCall } from './cipher-calls.ts';
import { CK_PARAMS_GCM, CKM_AES_GCM, type Handle } from './cryptoki.ts';
import { Pkcs11Error } from './errors.ts';

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

interface KeyHandle {
  readonly handle: Handle;
}

/** AES-256-GCM by the token (NIST SP 800-38D; PKCS #11 v2.40 current mechanisms, 2.12.3). */
export interface AesGcm {
  /** @throws TypeError, RangeError */
  encryption(input: EncryptInput): PreparedCall<KeyHandle, EncryptOutput>;
  /** @throws TypeError, RangeError */
  decryption(input: DecryptInput): PreparedCall<KeyHandle, Uint8Array>;
}

/** AES-256-GCM through one library. */
export function aesGcm(calls: CipherCalls): AesGcm {
  return {
    encryption({ iv, aad, plaintext }) {
      const { block, ...buffers } = prepare(iv, aad, { plaintext });
      const ivGiven = new Uint8Array(iv);
      const length = plaintext.length;
      return {
        async run(session, { handle }) {
          const output = await calls.encrypt(session, handle, buffers);
          requireLength('C_Encrypt', output, length + TAG_LENGTH);
          // A token that makes its own IV, as HSMs may in FIPS mode, writes it over the one that it was given.
          if (!buffers.mechanism.parameter.iv.equals(ivGiven)) {
            throw new Pkcs11Error('MECHANISM_UNSUPPORTED', 'the token does not take an IV for CKM_AES_GCM');
          }
          const bytes = new Uint8Array(output);
          return { ciphertext: bytes.subarray(0, length), tag: bytes.subarray(length) };
        },
        wipe: () => void block.fill(0),
      };
    },
    decryption({ iv, aad, ciphertext, tag }) {
      if (tag.length !== TAG_LENGTH) throw new RangeError(`tag: expected ${TAG_LENGTH} bytes`);
      const { block, ...buffers } = prepare(iv, aad, { ciphertext, tag });
      const length = ciphertext.length;
      return {
        async run(session, { handle }) {
          const output = await calls.decrypt(session, handle, buffers);
          requireLength('C_Decrypt', output, length);
          return copied(output);
        },
        wipe: () => void block.fill(0),
      };
    },
  };
}

function prepare(iv: Uint8Array, aad: Uint8Array, inputs: Record<string, Uint8Array>) {
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
    mechanismName: 'CKM_AES_GCM',
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
    /** The memory of all of them. */
    block,
  };
}

function requireLength(name: string, output: Uint8Array, length: number): void {
  if (output.length === length) return;
  throw new Pkcs11Error('DEVICE_ERROR', `${name} wrote ${output.length} bytes instead of ${length}`);
}

const TAG_LENGTH = 16;
