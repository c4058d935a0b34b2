// AES-GCM for ./node.ts. Contracts: ./provider.ts
import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type DecipherGCM,
  type KeyObject,
} from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { fullSubarray, plainView, secretBytes, wipeAll } from '../bytes.ts';
import type { Input } from '../format/input.ts';
import { Parts, PIECE_LENGTH } from '../parts.ts';
import type { AesGcmKey, Awaitable, Opener, Sealer } from './provider.ts';

export function unsafeBytes(length: number): Uint8Array<ArrayBuffer> {
  // For short arrays, zeroed memory costs less than a Buffer, and plaintext must not lie in the engine's heap, as such
  // arrays would.
  return length <= 64 ? secretBytes(length) : new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

export function aesGcmKey(key: Uint8Array): Awaitable<AesGcmKey> {
  return aesGcmKeyOf(createSecretKey(key));
}

/**
 * The key object, which threads can share without a copy of the key's bytes; `undefined` for a key of another provider.
 */
export function sharedKey(key: AesGcmKey): KeyObject | undefined {
  return NodeAesGcmKey.keyObjectOf(key);
}

/** The key of a key object that was shared. */
export function aesGcmKeyOf(keyObject: KeyObject): AesGcmKey {
  return new NodeAesGcmKey(keyObject);
}

class NodeAesGcmKey implements AesGcmKey {
  readonly #keyObject: KeyObject;
  readonly #algorithm: AesGcm;

  constructor(keyObject: KeyObject) {
    const algorithm = AES_GCM_BY_KEY_LENGTH.get(keyObject.symmetricKeySize);
    if (algorithm === undefined) throw new RangeError('an AES key has 16, 24 or 32 bytes');
    this.#keyObject = keyObject;
    this.#algorithm = algorithm;
  }

  static keyObjectOf(key: AesGcmKey): KeyObject | undefined {
    return #keyObject in key ? key.#keyObject : undefined;
  }

  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array, offset = 0): Awaitable<void> {
    const cipher = createCipheriv(this.#algorithm, this.#keyObject, iv);
    cipher.setAAD(aad);
    const { length } = plaintext;
    if (length > PIECE_LENGTH) return sealLong(cipher, plaintext, out, offset);
    if (length > 0) out.set(cipher.update(plaintext), offset);
    return out.set(tagOf(cipher), offset + length);
  }

  open(iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array, out: Uint8Array): Awaitable<boolean> {
    const length = sealed.length - TAG_LENGTH;
    if (length < 0) return false;
    const decipher = createDecipheriv(this.#algorithm, this.#keyObject, iv);
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(length));
    if (length > PIECE_LENGTH) return openLong(decipher, sealed.subarray(0, length), out);
    if (length > 0) openShort(decipher, sealed.subarray(0, length), out);
    return verifies(decipher) || refused([out]);
  }

  sealer(iv: Uint8Array, aad: Uint8Array): Sealer {
    return new NodeSealer(this.#algorithm, this.#keyObject, iv, aad);
  }

  opener(iv: Uint8Array, aad: Uint8Array, length: number): Opener {
    return new NodeOpener(createDecipheriv(this.#algorithm, this.#keyObject, iv), aad, length);
  }
}

class NodeSealer implements Sealer {
  readonly #start: (aad: Uint8Array) => CipherGCM;
  readonly #restart: () => DecipherGCM;
  readonly #cipher: CipherGCM;
  readonly #ciphertext = new Parts(unsafeBytes);

  constructor(algorithm: AesGcm, key: KeyObject, iv: Uint8Array, aad: Uint8Array) {
    const ownIv = Uint8Array.from(iv);
    this.#start = (aad) => createCipheriv(algorithm, key, ownIv).setAAD(aad);
    this.#restart = () => createDecipheriv(algorithm, key, ownIv);
    this.#cipher = this.#start(aad);
  }

  update(plaintext: Uint8Array): void {
    this.#ciphertext.put(plainView(this.#cipher.update(plaintext)));
  }

  final(): readonly Uint8Array<ArrayBuffer>[] {
    return [...this.#ciphertext.take(), tagOf(this.#cipher)];
  }

  /**
   * Never computes the tag for the additional data that was expected: two tags under one IV would leak the
   * authentication key.
   */
  async finalWith(aad: Uint8Array): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    const [decipher, cipher] = [this.#restart(), this.#start(aad)];
    const parts = this.#ciphertext.take();
    let length = 0;
    for (const part of parts) {
      const plaintext = plainView(decipher.update(part));
      // The output is `part` once more: only the tag differs.
      cipher.update(plaintext);
      plaintext.fill(0);
      length += part.length;
      if (length < MAX_BLOCKING_LENGTH) continue;
      length = 0;
      await setImmediate();
    }
    return [...parts, tagOf(cipher)];
  }

  wipe(): void {
    this.#ciphertext.wipe();
  }
}

class NodeOpener implements Opener {
  readonly #decipher: DecipherGCM;
  /** Plaintext of a frame that does not arrive all at once. */
  #plaintext: Parts | undefined;
  #missing: number;

  constructor(decipher: DecipherGCM, aad: Uint8Array, length: number) {
    this.#decipher = decipher.setAAD(aad);
    this.#missing = length;
  }

  get length(): number {
    return this.#plaintext?.length ?? 0;
  }

  read(input: Input): Awaitable<readonly Uint8Array<ArrayBuffer>[] | false | undefined> {
    const length = this.#missing;
    if (this.#plaintext !== undefined || length > PIECE_LENGTH || input.length < length + TAG_LENGTH) {
      return this.#readPieces(input, (this.#plaintext ??= new Parts(unsafeBytes)));
    }
    const plaintext = length === 0 ? [] : [plainView(this.#decipher.update(input.take(length)))];
    return this.#verifies(input) ? plaintext : refused(plaintext);
  }

  wipe(): void {
    this.#plaintext?.wipe();
  }

  async #readPieces(
    input: Input,
    plaintext: Parts,
  ): Promise<readonly Uint8Array<ArrayBuffer>[] | false | undefined> {
    for (let passed = 0; this.#missing > 0 && input.length > 0; ) {
      if (passed > MAX_BLOCKING_LENGTH) {
        passed = 0;
        await setImmediate();
      }
      const piece = input.take(Math.min(this.#missing, input.length, PIECE_LENGTH));
      plaintext.put(plainView(this.#decipher.update(piece)));
      this.#missing -= piece.length;
      passed += piece.length;
    }
    if (this.#missing > 0 || input.length < TAG_LENGTH) return undefined;
    return this.#verifies(input) ? plaintext.take() : refused(plaintext.take());
  }

  #verifies(input: Input): boolean {
    this.#decipher.setAuthTag(input.take(TAG_LENGTH));
    return verifies(this.#decipher);
  }
}

/** Wipes plaintext that did not verify, and returns false. */
function refused(plaintext: readonly Uint8Array[]): false {
  wipeAll(plaintext);
  return false;
}

function tagOf(cipher: CipherGCM): Uint8Array<ArrayBuffer> {
  cipher.final();
  return plainView(cipher.getAuthTag());
}

function verifies(decipher: DecipherGCM): boolean {
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  }
}

async function sealLong(
  cipher: CipherGCM,
  plaintext: Uint8Array,
  out: Uint8Array,
  offset: number,
): Promise<void> {
  const { length } = plaintext;
  await inTurns(plaintext, (piece, start) => out.set(cipher.update(piece), offset + start));
  out.set(tagOf(cipher), offset + length);
}

/**
 * Opens a short input, which may be a key, 8 bytes at a time: node:crypto copies what `update` returns, and frees the
 * original without wiping it. An allocator then overwrites as much of it as a pointer takes, and may leave the rest for
 * good.
 */
function openShort(decipher: DecipherGCM, ciphertext: Uint8Array, out: Uint8Array): void {
  const { length } = ciphertext;
  const step = length <= MAX_KEY_LENGTH ? OVERWRITTEN_LENGTH : length;
  for (let start = 0; start < length; start += step) {
    move(decipher.update(ciphertext.subarray(start, start + step)), out, start);
  }
}

async function openLong(decipher: DecipherGCM, ciphertext: Uint8Array, out: Uint8Array): Promise<boolean> {
  await inTurns(ciphertext, (piece, start) => move(decipher.update(piece), out, start));
  return verifies(decipher) || refused([out]);
}

/** Passes bytes in pieces, and lets other tasks of the event loop have a turn now and then: there may be gigabytes. */
async function inTurns(bytes: Uint8Array, pass: (piece: Uint8Array, start: number) => void): Promise<void> {
  const { length } = bytes;
  for (let start = 0; start < length; start += PIECE_LENGTH) {
    if (start > 0 && start % MAX_BLOCKING_LENGTH === 0) await setImmediate();
    pass(fullSubarray(bytes, start, Math.min(length, start + PIECE_LENGTH)), start);
  }
}

/**
 * Copies the output of node:crypto to its place and wipes it, which costs little while it is in the processor's cache.
 */
function move(piece: Uint8Array, out: Uint8Array, offset: number): void {
  out.set(piece, offset);
  // `fill` of a Buffer takes several times as long.
  plainView(piece).fill(0);
}

type AesGcm = 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm';

const TAG_LENGTH = 16;
const MAX_KEY_LENGTH = 64;
/** Bytes of a pointer, which allocators write to freed memory. */
const OVERWRITTEN_LENGTH = 8;
/** About a millisecond's work. */
const MAX_BLOCKING_LENGTH = 2 ** 20;
const AES_GCM_BY_KEY_LENGTH: ReadonlyMap<number | undefined, AesGcm> = new Map([
  [16, 'aes-128-gcm'],
  [24, 'aes-192-gcm'],
  [32, 'aes-256-gcm'],
]);
