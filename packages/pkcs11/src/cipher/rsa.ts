import { Pkcs11Error } from '../errors.ts';
import * as ck from '../library/cryptoki.ts';
import { type CipherCalls, copyOutput, type PreparedCall, whenDone } from './cipher-calls.ts';

/** RSAES-OAEP (RFC 8017, 7.1) without a label, with one hash function for the label and for MGF1. */
export type RsaOaepPadding = 'OAEP-SHA-1' | 'OAEP-SHA-256' | 'OAEP-SHA-384' | 'OAEP-SHA-512';

/** Also RSAES-PKCS1-v1_5 (RFC 8017, 7.2), with which this package only decrypts. */
export type RsaPadding = RsaOaepPadding | 'PKCS1-v1_5';

/** The input of an encryption. The bytes are copied before `encrypt` returns its promise. */
export interface RsaEncryptInput {
  readonly padding: RsaOaepPadding;
  /** Shorter than the modulus by at least 42 bytes with SHA-1, 66, 98 and 130 with the others. */
  readonly plaintext: Uint8Array;
}

/** The input of a decryption. The bytes are copied before `decrypt` returns its promise. */
export interface RsaDecryptInput {
  readonly padding: RsaPadding;
  /** As long as the modulus. */
  readonly ciphertext: Uint8Array;
}

/** The two halves of a key pair in the token, of which either may be missing. */
interface RsaHandles {
  readonly publicHandle: ck.Handle | undefined;
  readonly privateHandle: ck.Handle | undefined;
  /** Big-endian, without leading zeros. */
  readonly modulus: Uint8Array;
}

/** RSA encryption by the token (PKCS #11 v2.40 current mechanisms, 2.1.6 and 2.1.8). */
export interface Rsa {
  /** @throws TypeError */
  encryption(input: RsaEncryptInput): PreparedCall<RsaHandles, Uint8Array>;
  /** @throws TypeError */
  decryption(input: RsaDecryptInput): PreparedCall<RsaHandles, Uint8Array>;
}

/** RSA encryption through one library. */
export function rsa(calls: CipherCalls): Rsa {
  return {
    encryption({ padding, plaintext }) {
      const scheme = schemeOf(OAEP_SCHEMES, padding);
      const { block, input, output } = prepare({ plaintext }, MAX_MODULUS_LENGTH);
      return {
        run(session, { publicHandle, modulus }) {
          if (publicHandle === undefined) throw missingHalf('public');
          const maxLength = modulus.length - scheme.overhead;
          if (input.length > maxLength)
            throw new RangeError(`plaintext: expected at most ${maxLength} bytes`);
          return whenDone(calls.encrypt(session, publicHandle, { ...scheme, input, output }), (written) => {
            if (written.length === modulus.length) return new Uint8Array(written);
            throw new Pkcs11Error(
              'DEVICE_ERROR',
              `C_Encrypt wrote ${written.length} bytes instead of ${modulus.length}`,
            );
          });
        },
        wipe: () => void block.fill(0),
      };
    },
    decryption({ padding, ciphertext }) {
      const scheme = schemeOf(SCHEMES, padding);
      const { block, input, output } = prepare({ ciphertext }, ciphertext.length);
      return {
        run(session, { privateHandle, modulus }) {
          if (privateHandle === undefined) throw missingHalf('private');
          // Tokens differ in what they return for these two, from bad arguments to a wrong success.
          if (input.length !== modulus.length || input.compare(modulus) >= 0) {
            throw new Pkcs11Error('DECRYPTION_FAILED', 'the ciphertext is none of a key of this length');
          }
          return whenDone(calls.decrypt(session, privateHandle, { ...scheme, input, output }), copyOutput);
        },
        wipe: () => void block.fill(0),
      };
    },
  };
}

function schemeOf<P extends string>(schemes: Readonly<Record<P, Scheme>>, padding: P): Scheme {
  if (Object.hasOwn(schemes, padding)) return schemes[padding];
  throw new TypeError(`padding: expected one of ${Object.keys(schemes).join(', ')}`);
}

function prepare(inputs: Record<string, Uint8Array>, outputLength: number) {
  for (const [name, bytes] of Object.entries(inputs)) {
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`${name}: expected a Uint8Array`);
  }
  const [bytes = new Uint8Array(0)] = Object.values(inputs);
  // One block of its own, because it is wiped; in it, even an empty input has an address.
  const block = Buffer.allocUnsafeSlow(bytes.length + outputLength);
  block.set(bytes);
  return { block, input: block.subarray(0, bytes.length), output: block.subarray(bytes.length) };
}

function missingHalf(half: 'public' | 'private'): Pkcs11Error {
  return new Pkcs11Error('KEY_USAGE_FORBIDDEN', `the token has no ${half} half of this key`);
}

/** How a padding is requested from the token. */
interface Scheme {
  readonly mechanismName: string;
  readonly mechanism: ck.Mechanism;
  /** What the padding adds to a plaintext, in bytes. */
  readonly overhead: number;
}

function oaepScheme(hash: string, hashLength: number, hashAlg: number, mgf: number): Scheme {
  const parameter = { type: ck.CK_PARAMS_RSA_OAEP, hashAlg, mgf, source: ck.CKZ_DATA_SPECIFIED };
  return {
    mechanismName: `CKM_RSA_PKCS_OAEP with ${hash}`,
    mechanism: { mechanism: ck.CKM_RSA_PKCS_OAEP, parameter },
    overhead: 2 * hashLength + 2,
  };
}

const OAEP_SCHEMES: Readonly<Record<RsaOaepPadding, Scheme>> = {
  'OAEP-SHA-1': oaepScheme('SHA-1', 20, ck.CKM_SHA_1, ck.CKG_MGF1_SHA1),
  'OAEP-SHA-256': oaepScheme('SHA-256', 32, ck.CKM_SHA256, ck.CKG_MGF1_SHA256),
  'OAEP-SHA-384': oaepScheme('SHA-384', 48, ck.CKM_SHA384, ck.CKG_MGF1_SHA384),
  'OAEP-SHA-512': oaepScheme('SHA-512', 64, ck.CKM_SHA512, ck.CKG_MGF1_SHA512),
};
const SCHEMES: Readonly<Record<RsaPadding, Scheme>> = {
  ...OAEP_SCHEMES,
  'PKCS1-v1_5': { mechanismName: 'CKM_RSA_PKCS', mechanism: { mechanism: ck.CKM_RSA_PKCS }, overhead: 11 },
};
// 16384 bits: no token has more.
const MAX_MODULUS_LENGTH = 2048;
