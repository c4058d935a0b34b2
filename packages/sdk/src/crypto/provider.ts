import type { Input } from '../format/input.ts';
import type { Curve, Hash } from '../suites.ts';

/** A value, or a promise of it: Node returns the value itself, WebCrypto a promise. */
export type Awaitable<T> = T | PromiseLike<T>;

/**
 * The cryptography of one runtime. Every runtime has one module with these exports, chosen by the package's
 * `#crypto` import; nothing else in the package knows which runtime it is on.
 */
export interface CryptoProvider {
  /** `length` bytes from the system's random generator, in memory of their own. */
  randomBytes(length: number): Uint8Array;
  /** Memory that may hold anything, for a caller that overwrites all of it before any other code sees it. */
  unsafeBytes(length: number): Uint8Array<ArrayBuffer>;
  /** Copies a key of 16, 24 or 32 bytes before it returns, so that the caller may wipe its own at once. */
  aesGcmKey(key: Uint8Array): Awaitable<AesGcmKey>;
  /** HMAC of the concatenated parts, under a key of any length. When it returns, it has read the parts and the key. */
  hmac(hash: Hash, key: Uint8Array, ...parts: Uint8Array[]): Awaitable<Uint8Array>;
  /** True if both arrays hold the same bytes; takes the same time wherever they differ. */
  constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean;
  /** A new ECDSA key pair. */
  generateSigningKey(curve: Curve, hash: Hash): Awaitable<SigningKey>;
  /** The key of a compressed SEC 1 point, or `undefined` if that is no point of the curve. */
  verificationKey(curve: Curve, hash: Hash, point: Uint8Array): Awaitable<VerificationKey | undefined>;
  /** Gives other tasks of the event loop a turn. */
  yieldToEventLoop(): Promise<void>;
  /** Standard base64 with padding. */
  encodeBase64(bytes: Uint8Array): string;
  /** The bytes of standard, canonical, padded base64; `undefined` for any other text. */
  decodeBase64(text: string): Uint8Array | undefined;
}

/** An AES key that the runtime keeps, for GCM with 12-byte IVs and 16-byte tags. */
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
   * Writes the plaintext of `sealed` (ciphertext and tag) to `out`, which is 16 bytes shorter. Returns false if there
   * is no tag or it does not verify, and leaves nothing of the plaintext in `out`. Any other failure is thrown, or
   * rejects, unchanged.
   */
  open(iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array, out: Uint8Array): Awaitable<boolean>;
  /**
   * Starts to seal plaintext that arrives in pieces. `iv` and `aad` may change afterwards. Absent where a runtime can
   * only seal all at once.
   */
  sealer?(iv: Uint8Array, aad: Uint8Array): Sealer;
  /**
   * Starts to open `length` bytes that arrive in pieces. `aad` must not change until the end, `iv` may change
   * afterwards.
   */
  opener(iv: Uint8Array, aad: Uint8Array, length: number): Opener;
}

/** Plaintext that is being sealed. Not to be used after `final` or `finalWith`. */
export interface Sealer {
  /** Takes a piece, which may change afterwards. */
  update(plaintext: Uint8Array): void;
  /** Ciphertext and tag, in memory of their own. */
  final(): Awaitable<readonly Uint8Array<ArrayBuffer>[]>;
  /**
   * The same with the same IV and other additional data than was given at the start. Costs up to twice the work once
   * more.
   */
  finalWith(aad: Uint8Array): Awaitable<readonly Uint8Array<ArrayBuffer>[]>;
  /** Gives up, and leaves nothing of the plaintext. */
  wipe(): void;
}

/** Ciphertext that is being opened. The plaintext stays inside until the tag has verified. */
export interface Opener {
  /** Bytes of plaintext held inside. Absent where ciphertext waits in the input instead. */
  readonly length?: number;
  /**
   * Consumes what the input has of ciphertext and tag. Returns `undefined` while more has to come; then the plaintext,
   * in memory of its own, or false if the tag does not verify, in which case nothing is left of the plaintext.
   */
  read(input: Input): Awaitable<readonly Uint8Array<ArrayBuffer>[] | false | undefined>;
  /** Gives up, and leaves nothing of the plaintext. Absent where none is ever inside. */
  wipe?(): void;
}

/** An ECDSA private key, for one message or for those that share cached materials. */
export interface SigningKey {
  /** The public key as a compressed SEC 1 point. */
  readonly publicKey: Uint8Array;
  /** Starts a signature. */
  signer(): Signer;
}

/** A signature that is being made. */
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

/** A verification under way. */
export interface Verifier {
  /** Takes bytes, which may change afterwards. */
  update(bytes: Uint8Array): void;
  /** `signature` is r ‖ s. */
  verify(signature: Uint8Array): Awaitable<boolean>;
}
