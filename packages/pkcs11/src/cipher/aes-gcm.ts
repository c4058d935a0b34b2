import { Pkcs11Error } from '../errors.ts';
import { CK_PARAMS_GCM, CKM_AES_GCM, type Handle } from '../library/cryptoki.ts';
import { releaseBuffer, takeBuffer } from './buffer-pool.ts';
import { type CipherCalls, copyOutput, type PreparedCall, whenDone } from './cipher-calls.ts';

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

/** The input of an encryption whose IV the token makes. The bytes are copied before the promise is returned. */
export interface TokenIvEncryptInput {
  /** Additional authenticated data, may be empty. */
  readonly aad: Uint8Array;
  /** May be empty. */
  readonly plaintext: Uint8Array;
  /**
   * Where the token puts its IV: `written` over the 12 zero bytes that it is given, as AWS CloudHSM and nShield do, or
   * `appended` to what it encrypts, with none given, as Luna does.
   */
  readonly ivPlacement: IvPlacement;
}

/** Where a token that makes its own IV puts it. */
export type IvPlacement = 'written' | 'appended';

/** The output of an encryption whose IV the token made. */
export interface TokenIvEncryptOutput extends EncryptOutput {
  /** 12 or 16 bytes. */
  readonly iv: Uint8Array;
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
  encryptionUnderTokenIv(input: TokenIvEncryptInput): PreparedCall<KeyHandle, TokenIvEncryptOutput>;
  /** @throws TypeError, RangeError */
  decryption(input: DecryptInput): PreparedCall<KeyHandle, Uint8Array>;
}

/** AES-256-GCM through one library. */
export function aesGcm(calls: CipherCalls): AesGcm {
  return {
    encryption({ iv, aad, plaintext }) {
      assertIv(iv);
      assertBytes('aad', aad);
      assertBytes('plaintext', plaintext);
      const { wipe, ...buffers } = prepare(iv, aad, plaintext, NOTHING);
      const ivGiven = new Uint8Array(iv);
      const length = plaintext.length;
      return {
        run(session, { handle }) {
          return whenDone(calls.encrypt(session, handle, buffers), (output) => {
            const surplus = output.length - length - TAG_LENGTH;
            // A token that makes its own IV, as HSMs may in FIPS mode, writes it over the IV that it was given, or appends it.
            if (!buffers.mechanism.parameter.iv.equals(ivGiven) || IV_LENGTHS.includes(surplus)) {
              throw new Pkcs11Error('MECHANISM_UNSUPPORTED', 'the token does not take an IV for CKM_AES_GCM');
            }
            assertLength('C_Encrypt', output, length + TAG_LENGTH);
            const bytes = new Uint8Array(output);
            return { ciphertext: bytes.subarray(0, length), tag: bytes.subarray(length) };
          });
        },
        wipe,
      };
    },
    encryptionUnderTokenIv({ aad, plaintext, ivPlacement }) {
      if (!Object.hasOwn(IV_BYTES_GIVEN, ivPlacement)) {
        throw new TypeError(`ivPlacement: expected one of ${Object.keys(IV_BYTES_GIVEN).join(', ')}`);
      }
      const given = new Uint8Array(IV_BYTES_GIVEN[ivPlacement]);
      assertBytes('aad', aad);
      assertBytes('plaintext', plaintext);
      const { wipe, ...buffers } = prepare(given, aad, plaintext, NOTHING);
      const length = plaintext.length;
      return {
        run(session, { handle }) {
          buffers.mechanism.parameter.iv.fill(0);
          return whenDone(calls.encrypt(session, handle, buffers), (output) => {
            const ivBytes = output.length - length - TAG_LENGTH;
            const iv = ivPlacement === 'written' ? buffers.mechanism.parameter.iv : output.subarray(-ivBytes);
            // A token that makes no IV has encrypted under zeros or under an empty IV, the same every time.
            const isMade = ivPlacement === 'written' ? ivBytes === 0 : IV_LENGTHS.includes(ivBytes);
            if (!isMade || iv.every((byte) => byte === 0)) {
              throw new Pkcs11Error(
                'MECHANISM_UNSUPPORTED',
                'the token makes no IV of its own for CKM_AES_GCM',
              );
            }
            const bytes = new Uint8Array(output);
            const tag = bytes.subarray(length, length + TAG_LENGTH);
            return { iv: new Uint8Array(iv), ciphertext: bytes.subarray(0, length), tag };
          });
        },
        wipe,
      };
    },
    decryption({ iv, aad, ciphertext, tag }) {
      assertIv(iv);
      assertBytes('aad', aad);
      assertBytes('ciphertext', ciphertext);
      assertBytes('tag', tag);
      if (tag.length !== TAG_LENGTH) throw new RangeError(`tag: expected ${TAG_LENGTH} bytes`);
      const { wipe, ...buffers } = prepare(iv, aad, ciphertext, tag);
      const length = ciphertext.length;
      return {
        run(session, { handle }) {
          return whenDone(calls.decrypt(session, handle, buffers), (output) => {
            assertLength('C_Decrypt', output, length);
            return copyOutput(output);
          });
        },
        wipe,
      };
    },
  };
}

/** Copies all that a call reads into memory of our own, which also has room for what it writes. */
function prepare(iv: Uint8Array, aad: Uint8Array, input: Uint8Array, tag: Uint8Array) {
  const aadAt = iv.length;
  const inputAt = aadAt + aad.length;
  const inputLength = input.length + tag.length;
  const outputAt = inputAt + inputLength;
  // The output has room for a tag on decryption too: some modules want it as long as their input. It also has room for an
  // IV that the token makes.
  const end = outputAt + inputLength + TAG_LENGTH + MAX_IV_LENGTH;
  const block = takeBuffer(end);
  block.set(iv);
  block.set(aad, aadAt);
  block.set(input, inputAt);
  block.set(tag, inputAt + input.length);
  return {
    mechanismName: 'CKM_AES_GCM',
    mechanism: {
      mechanism: CKM_AES_GCM,
      parameter: {
        type: CK_PARAMS_GCM,
        iv: iv.length === 0 ? Buffer.alloc(0) : block.subarray(0, aadAt),
        ivBits: iv.length * 8,
        aad: block.subarray(aadAt, inputAt),
        tagBits: TAG_LENGTH * 8,
      },
    },
    input: block.subarray(inputAt, outputAt),
    output: block.subarray(outputAt, end),
    wipe: () => releaseBuffer(block),
  };
}

function assertBytes(name: string, bytes: Uint8Array): void {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${name}: expected a Uint8Array`);
}

// SoftHSM accepts an empty IV, and encrypts under it.
function assertIv(iv: Uint8Array): void {
  assertBytes('iv', iv);
  if (!IV_LENGTHS.includes(iv.length)) throw new RangeError('iv: expected 12 or 16 bytes');
}

function assertLength(name: string, output: Uint8Array, length: number): void {
  if (output.length === length) return;
  throw new Pkcs11Error('DEVICE_ERROR', `${name} wrote ${output.length} bytes instead of ${length}`);
}

const NOTHING = new Uint8Array(0);
const TAG_LENGTH = 16;
const IV_LENGTHS: readonly number[] = [12, 16];
const MAX_IV_LENGTH = 16;
// The address of an empty Buffer is NULL, which tells the token to make an IV.
const IV_BYTES_GIVEN = { written: 12, appended: 0 } as const satisfies Record<IvPlacement, number>;
