import type { Input } from '../format/input.ts';
import type { Curve, Hash } from '../suites.ts';

/** A value, or a promise of it: Node answers at once, WebCrypto later. */
export type Awaitable<T> = T | PromiseLike<T>;

/**
 * The cryptography of one runtime. Every runtime has one module with these exports, chosen by the package's
 * `#crypto` import; nothing else in the package knows which runtime it is on.
 */
export interface CryptoProvider {
  /** `length` bytes from the system's random generator, in memory of their own. */
  randomBytes(length: number): Uint8Array;
  /** Memory that may hold anything: for whoever writes all of it before somebody sees it. */
  unsafeBytes(length: number): Uint8Array<ArrayBuffer>;
  /** Takes a copy of a 16, 24 or 32-byte key, before it returns: the caller may wipe his at once. */
  aesGcmKey(key: Uint8Array): Awaitable<AesGcmKey>;
  /** HMAC of the concatenated parts, under a key of any length. Has read them, and the key, when it returns. */
  hmac(hash: Hash, key: Uint8Array, ...parts: Uint8Array[]): Awaitable<Uint8Array>;
  /** True if both arrays hold the same bytes; takes the same time wherever they differ. */
  constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean;
  /** A new ECDSA key pair. */
  generateSigningKey(curve: Curve, hash: Hash): Awaitable<SigningKey>;
  /** The key of a compressed SEC 1 point, or `undefined` if that is no point of the curve. */
  verificationKey(curve: Curve, hash: Hash, point: Uint8Array): Awaitable<VerificationKey | undefined>;
  /** Lets whatever else waits for the event loop have its turn. */
  yieldToEventLoop(): Promise<void>;
  /** Standard base64 with padding. */
  encodeBase64(bytes: Uint8Array): string;
  /** The bytes of standard, canonical, padded base64; `undefined` for any other text. */
  decodeBase64(text: string): Uint8Array | undefined;
}

/** An AES key in the runtime's own keeping, for GCM with 12-byte IVs and 16-byte tags. */
export interface AesGcmKey {
  /** Writes ciphertext and tag to `out`, from `offset` on, where there is room for both. */
  seal(
    iv: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
    out: Uint8Array,
    offset?: number,
  ): Awaitable<void>;
  /**
   * Writes the plaintext of `sealed` (ciphertext and tag) to `out`, which is 16 bytes shorter.
   * Answers false if there is no tag, or it does not verify; nothing of the plaintext is in `out` then. Whatever else goes
   * wrong is thrown, or rejects, as it is.
   */
  open(iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array, out: Uint8Array): Awaitable<boolean>;
  /** Starts to seal what comes piece by piece. `iv` and `aad` may change. Absent where a runtime seals only as a whole. */
  sealer?(iv: Uint8Array, aad: Uint8Array): Sealer;
  /** Starts to open so many bytes that come piece by piece. `aad` has to stay as it is until the end, `iv` may change. */
  opener(iv: Uint8Array, aad: Uint8Array, length: number): Opener;
}

/** Plaintext that is being sealed. Of no more use after one of the two ends. */
export interface Sealer {
  /** Takes a piece, which may change afterwards. */
  update(plaintext: Uint8Array): void;
  /** Ciphertext and tag, in memory of their own. */
  final(): Awaitable<readonly Uint8Array<ArrayBuffer>[]>;
  /** The same with other additional data than was expected, and the same IV: costs up to twice the work once more. */
  finalWith(aad: Uint8Array): Awaitable<readonly Uint8Array<ArrayBuffer>[]>;
  /** Gives up: nothing of the plaintext is left. */
  wipe(): void;
}

/** Ciphertext that is being opened. Its plaintext stays inside until the tag has verified. */
export interface Opener {
  /** Bytes of plaintext inside. Absent where what comes waits in the input. */
  readonly length?: number;
  /**
   * Uses up what the input has of ciphertext and tag. Answers the plaintext, in memory of its own, when that was all of it;
   * false, and nothing is left of the plaintext, if the tag does not verify; `undefined` while more has to come.
   */
  read(input: Input): Awaitable<readonly Uint8Array<ArrayBuffer>[] | false | undefined>;
  /** Gives up: nothing of the plaintext is left. Absent where none is ever inside. */
  wipe?(): void;
}

/** An ECDSA private key: of one message, or of those that share cached materials. */
export interface SigningKey {
  /** The public key as a compressed SEC 1 point. */
  readonly publicKey: Uint8Array;
  /** Starts a signature. */
  signer(): Signer;
}

/** A signature in the making. */
export interface Signer {
  /** Takes bytes, which may change afterwards. */
  update(bytes: Uint8Array): void;
  /** r ‖ s, each as long as the curve's order. */
  sign(): Awaitable<Uint8Array>;
}

/** An ECDSA public key. */
export interface VerificationKey {
  /** Starts a verification. */
  verifier(): Verifier;
}

/** A verification in the making. */
export interface Verifier {
  /** Takes bytes, which may change afterwards. */
  update(bytes: Uint8Array): void;
  /** `signature` is r ‖ s. */
  verify(signature: Uint8Array): Awaitable<boolean>;
}
